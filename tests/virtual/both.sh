#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 300
# One plan in both worlds: they come to the same.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
"$PONT" run scenarios/quickstart.yaml --world both --progress none --out "$work/run" >"$work/out" 2>"$work/err"
code=$?
is() { /usr/bin/python3 - "$work/run" "$1" <<'P'
import json, sys
r = json.load(open(sys.argv[1] + "/results.json"))
v = json.load(open(sys.argv[1] + "/virtual/results.json"))
w = json.load(open(sys.argv[1] + "/wire/results.json"))
f = r["fidelity"]
if not eval(sys.argv[2]):
    print(sys.argv[2], "is false:", json.dumps(f, indent=1)[:3000], r["sentence"])
    sys.exit(1)
P
}
[ $code = 0 ] || cat "$work/out" "$work/err" >&2
tap "pont_run_exits_0" test $code = 0
tap "the_outcome_is_equal" is 'f["outcome_equal"] and f["first_difference"] is None'
tap "the_digests_are_equal_when_nothing_was_left_out" is 'f["left_out"] > 0 or v["outcome_digest"] == w["outcome_digest"]'
tap "hops_are_predicted_and_measured" is 'len(f["cells"]) > 5 and all(c["n"] > 0 and c["p50_measured_ms"] > 0 and c["p50_predicted_ms"] > 0 for c in f["cells"])'
tap "each_world_has_its_folder" test -s "$work/run/virtual/index.html" -a -s "$work/run/wire/index.html" -a -s "$work/run/wire/registry.db" -a -s "$work/run/index.html"
echo "1..$tap_number"
