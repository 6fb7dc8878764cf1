#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 20
# Looking into a run of virtual time: at an event, at a number, at one exam and at what caused what. Looking changes nothing.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
code() { local wanted=$1; shift; "$@"; [ $? = "$wanted" ]; }
run() { # run FOLDER OPTIONS...
    local folder=$1
    shift
    "$PONT" run scenarios/quickstart.yaml --world virtual --out "$work/$folder" --quiet "$@"
}
hash() { /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["trace_hash"])' "$work/$1/results.json"; }
tap "the_run_passes" run whole
tap "each_event_has_its_line_and_a_cause_before_it" /usr/bin/python3 - "$work/whole" <<'P'
import json, sys
causes = [json.loads(line) for line in open(sys.argv[1] + "/causes.jsonl")]
events = json.load(open(sys.argv[1] + "/results.json"))["time"]["events"]
assert len(causes) == events, (len(causes), events)
for n, c in enumerate(causes, 1):
    assert c["n"] == n and 0 <= c["by"] < n, c
    assert c["by"] == 0 or causes[c["by"] - 1]["t"] <= c["t"], c
P
tap "watching_changes_nothing" eval 'run watched --watch demands --trace none >"$work/watch" && test "$(hash watched)" = "$(hash whole)"'
tap "each_line_of_a_watch_is_a_change" eval 'grep -c "^demands" "$work/watch" && ! grep "^demands" "$work/watch" | cut -d" " -f2 | uniq -d | grep .'
tap "what_is_no_number_is_refused_with_what_there_is" eval 'code 2 run x --watch nonsense 2>"$work/err" && grep -q "waiting:NODE" "$work/err"'
tap "it_stops_at_an_event_and_says_where_everything_stands" eval 'run at --goto 1500 >"$work/at.out" && grep -q "^event 1500, 2010-03-01T08:00" "$work/at.out" && grep -q "^  1500 (" "$work/at.out" && ! grep -q "^  1501 (" "$work/at.out"'
tap "goto_is_refused_on_the_wire" code 2 "$PONT" run scenarios/quickstart.yaml --world wire --goto 5 --out "$work/y"
accession=$(grep -o '"accession":"VEL[0-9]*"' "$work/whole/plan.jsonl" | tail -1 | cut -d'"' -f4)
tap "why_tells_the_life_of_an_exam_and_the_chain_of_its_last_event" eval \
    '"$PONT" why "$work/whole" VEL/$accession >"$work/why" && grep -q "truth_exam" "$work/why" && grep -q "transfer .* done" "$work/why" && grep -q "what caused it" "$work/why"'
tap "why_of_an_exam_that_is_none_exits_2" code 2 "$PONT" why "$work/whole" VEL/VEL999999999
if [ -x "$BUILD/mutants/pont" ]; then
    tap "a_run_that_fails_leaves_a_bundle" code 1 "$BUILD/mutants/pont" run scenarios/broken/mutants.yaml --world virtual --mutant M_GHOST --out "$work/bad" --quiet
    tap "the_bundle_names_rule_seed_event_and_causes" /usr/bin/python3 - "$work/bad" <<'P'
import json, os, sys
f = json.load(open(sys.argv[1] + "/failure.json"))
assert f["rules"] == ["rejected-stays-hidden"], f["rules"]
assert f["seed"] == 7 and "--mutant M_GHOST" in f["repeat"] and f["first"], f
assert f["event"] > 0 and f["chain"][0]["event"] == f["event"] and f["chain"][-1]["by"] == 0, f["chain"]
assert len(f["events"]) > 3 and os.path.getsize(sys.argv[1] + "/failure.json") <= 1 << 20
P
fi
echo "1..$tap_number"
