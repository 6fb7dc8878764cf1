#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 60
# A run that a limit cuts is no verdict: it says what cut it, when by its own clock, and what was still open (docs/decisions/0011).
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
code() { local wanted=$1; shift; "$@"; [ $? = "$wanted" ]; }
says() { /usr/bin/python3 - "$work/$1/results.json" "$2" <<'P'
import json, re, sys
r = json.load(open(sys.argv[1]))
print(r["verdict"], r["sentence"])
assert r["verdict"] == "inconclusive" and re.search(sys.argv[2], r["sentence"]), r["sentence"]
P
}
sed 's/limits: {wall: [^}]*}/limits: {wall: 1 s}/' scenarios/pilot-twelve-months.yaml >"$work/wall.yaml"
sed 's/limits: {wall: [^}]*}/limits: {wall: 6 h, events: 20 k}/' scenarios/pilot-twelve-months.yaml >"$work/events.yaml"
tap "a_wall_limit_ends_with_3" code 3 "$PONT" run "$work/wall.yaml" --quiet --trace none --out "$work/wall"
tap "it_says_that_the_wall_limit_passed_and_when" says wall 'wall limit \(run.limits.wall\) passed at 2010-01-[0-9]+T.*it waited for: .*row'
tap "a_limit_of_events_ends_with_3" code 3 "$PONT" run "$work/events.yaml" --quiet --trace none --out "$work/events"
tap "it_says_that_the_limit_of_events_passed" says events 'limit of events'
echo "1..$tap_number"
