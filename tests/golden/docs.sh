#!/bin/bash
# SPDX-License-Identifier: MIT
# Generated pages are those of the tables; the schemas are sound, accept every shipped file, and refuse broken ones.
# tier: check check-fast
# seconds: 60
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
accepts() { # SCHEMA FILE...
    /usr/bin/python3 - "$@" <<'PYTHON'
import json, re, sys
import jsonschema, yaml
class Loader(yaml.SafeLoader):  # dates stay text, as editors and pont read them
    yaml_implicit_resolvers = {key: [pair for pair in pairs if not pair[0].endswith(("timestamp", "bool"))] for key, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false|yes|no)$"), list("tfyn"))
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    for error in validator.iter_errors(yaml.load(open(path), Loader)):
        print(path, list(error.path), error.message[:300])
        sys.exit(4)
PYTHON
}
refuses() { accepts "$@"; [ $? = 4 ]; }
scenarios=$(grep -l '^scenario:' scenarios/*.yaml scenarios/*/*.yaml)
tap "generated_pages_are_up_to_date" tests/tools/docs.sh --check
tap "the_schema_accepts_every_shipped_scenario" accepts docs/schema/scenario.json $scenarios
tap "the_schema_accepts_the_whole_vocabulary" accepts docs/schema/scenario.json tests/golden/check/good/*.yaml
tap "the_schema_accepts_every_shipped_profile" accepts docs/schema/profile.json sim/vendors/*.yaml
tap "the_schema_refuses_an_unknown_key" refuses docs/schema/scenario.json tests/golden/check/unknown-key.yaml
tap "the_schema_refuses_a_bare_number_for_a_duration" refuses docs/schema/scenario.json tests/golden/check/bare-number-for-a-duration.yaml
tap "the_schema_refuses_a_word_of_a_later_version" refuses docs/schema/scenario.json tests/golden/check/word-of-a-later-version.yaml
echo "1..$tap_number"
