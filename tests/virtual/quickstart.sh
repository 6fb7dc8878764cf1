#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-fast check-all asan
# seconds: 60
# The story of the README in virtual time: the same judge, the same verdict, the same bytes each time it is played.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
play() { "$PONT" run scenarios/quickstart.yaml --world virtual --progress none --out "$work/$1" "${@:2}" >"$work/$1.out" 2>"$work/$1.err"; }
# is RUN EXPRESSION: of its results.json, by python.
is() { /usr/bin/python3 - "$work/$1/results.json" "$2" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
c = r["counts"]
inv = {i["id"]: i for i in r["invariants"]}
if not eval(sys.argv[2]):
    print(sys.argv[2], "is false:", json.dumps({"verdict": r["verdict"], "counts": c, "invariants": r["invariants"],
          "expectations": [e for e in r["expectations"] if not e["pass"]], "error": r.get("error")}, indent=1)[:4000])
    sys.exit(1)
P
}
# same A B: their results.json are byte-equal but for what may differ.
same() { /usr/bin/python3 - "$work/$1/results.json" "$work/$2/results.json" <<'P'
import json, sys
def kept(path):
    r = json.load(open(path))
    r["time"].pop("wall_s"); r.pop("resources"); r.pop("build")
    return json.dumps(r, indent=1)
a, b = kept(sys.argv[1]), kept(sys.argv[2])
if a != b:
    print(*[x + "   |   " + y for x, y in zip(a.split("\n"), b.split("\n")) if x != y][:20], sep="\n")
    sys.exit(1)
P
}
one() { /usr/bin/python3 -c "import json; print(json.load(open('$work/$1/results.json'))['$2'])"; }
equal() { [ "$(one "$1" "$3")" = "$(one "$2" "$3")" ]; }
play first --junit "$work/junit.xml"
code=$?
[ $code = 0 ] || cat "$work/first.out" "$work/first.err" >&2
tap "pont_run_exits_0" test $code = 0
tap "the_verdict_is_pass" is first 'r["verdict"] == "pass" and r["world"] == "virtual"'
always="right-patient one-exam-per-number rejected-stays-hidden idempotent no-lost-transfer one-job partial-is-flagged proof-of-delivery one-final-answer answer-is-true access-is-audited ack-is-durable bounded restore-is-exact replayable"
for invariant in $always; do
    tap "${invariant}_was_judged_and_held" is first "inv['$invariant']['checked'] > 0 and inv['$invariant']['violations'] == 0"
done
tap "requested_transfers_are_done_or_failed" is first 'c["transfers_requested"] == c["transfers_done"] + c["transfers_failed"] and c["transfers_requested"] > 0'
tap "the_engine_died_once_and_was_restored" is first 'r["resources"]["engine"]["lives"] == 2'
tap "the_run_folder_is_whole" bash -c 'cd "$0" && test -s index.html -a -s junit.xml -a -s scenario.yaml -a -s plan.jsonl -a -s engine.yaml -a -s trace.jsonl -a -s observations.jsonl -a ! -e registry.db' "$work/first"
play again
tap "played_again_results_are_the_same" same first again
tap "played_again_the_trace_hash_is_the_same" equal first again trace_hash
for file in observations.jsonl trace.jsonl plan.jsonl; do
    tap "played_again_${file%.jsonl}_is_the_same_to_the_byte" cmp "$work/first/$file" "$work/again/$file"
done
play other --seed 7
tap "another_seed_is_another_run" bash -c '[ "$0" != "$1" ]' "$(one first trace_hash)" "$(one other trace_hash)"
play ones --run-max 1
play sevens --run-max 7
tap "runs_of_1_come_to_the_same_as_runs_of_64" equal first ones outcome_digest
tap "runs_of_7_come_to_the_same_as_runs_of_64" equal first sevens outcome_digest
tap "judged_again_it_is_the_same" bash -c '"$0" rejudge "$1" | head -1 | grep -q ^pass' "$PONT" "$work/again"
echo "1..$tap_number"
