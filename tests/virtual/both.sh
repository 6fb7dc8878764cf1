#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 700
# One plan in both worlds: they come to the same, in the story of the quickstart and in ninety minutes of everything.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
is() { /usr/bin/python3 - "$work/$1" "$2" <<'P'
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
declare -A hops=([quickstart]=3 [ci-regression]=6) # with five cases or more in both worlds
for scenario in quickstart ci-regression; do
    "$PONT" run "scenarios/$scenario.yaml" --world both --progress none --out "$work/$scenario" >"$work/out" 2>"$work/err"
    code=$?
    [ $code = 0 ] || cat "$work/out" "$work/err" >&2
    tap "${scenario}_pont_run_exits_0" test $code = 0
    tap "${scenario}_the_outcome_is_equal" is $scenario 'f["outcome_equal"] and f["first_difference"] is None'
    tap "${scenario}_the_digests_are_equal_when_nothing_was_left_out" is $scenario 'f["left_out"] > 0 or v["outcome_digest"] == w["outcome_digest"]'
    tap "${scenario}_hops_are_predicted_and_measured" is $scenario 'len(f["cells"]) >= '${hops[$scenario]}' and all(c["n"] > 0 and c["p50_measured_ms"] > 0 and c["p50_predicted_ms"] > 0 for c in f["cells"])'
    tap "${scenario}_each_world_has_its_folder" test -s "$work/$scenario/virtual/index.html" -a -s "$work/$scenario/wire/index.html" -a -s "$work/$scenario/wire/registry.db" -a -s "$work/$scenario/index.html"
done
echo "1..$tap_number"
