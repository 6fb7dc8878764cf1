#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all asan
# seconds: 300
# The story of the README, once, on the wire: what it must come to, and that nothing is left behind.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
run=$work/run
"$PONT" run scenarios/quickstart.yaml --world wire --out "$run" --progress none --junit "$work/junit.xml" >"$work/out" 2>"$work/err"
code=$?
is() { /usr/bin/python3 - "$run/results.json" "$1" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
c = r["counts"]
inv = {i["id"]: i for i in r["invariants"]}
if not eval(sys.argv[2]):
    print(sys.argv[2], "is false:", json.dumps({"verdict": r["verdict"], "counts": c, "invariants": r["invariants"],
          "expectations": [e for e in r["expectations"] if not e["pass"]], "error": r.get("error"),
          "transfers": [t for t in r["transfers"] if t["state"] != 4]}, indent=1)[:6000])
    sys.exit(1)
P
}
always="right-patient one-exam-per-number rejected-stays-hidden idempotent no-lost-transfer one-job partial-is-flagged proof-of-delivery one-final-answer answer-is-true access-is-audited ack-is-durable bounded restore-is-exact replayable"
if [ "$code" != 0 ]; then cat "$work/out" "$work/err" >&2; fi
tap "pont_run_exits_0" test "$code" = 0
tap "the_verdict_is_pass" is 'r["verdict"] == "pass"'
tap "six_vendors_took_part" is 'len({n["vendor"] for n in r["nodes"]} - {"plain"}) == 6'
for invariant in $always; do
    tap "${invariant}_was_judged_and_held" is "inv['$invariant']['checked'] > 0 and inv['$invariant']['violations'] == 0"
done
tap "requested_transfers_are_done_or_failed" is 'c["transfers_requested"] == c["transfers_done"] + c["transfers_failed"] and c["transfers_requested"] > 0'
tap "each_failure_is_explained" is 'all(t["why"] for t in r["transfers"] if t["state"] == 6)'
tap "the_engine_was_killed_once" is 'r["resources"]["engine"]["lives"] == 2'
tap "the_report_is_there" test -s "$run/index.html"
tap "the_report_asks_nothing_of_the_network" bash -c '! grep -oE "(src|href)=\"(https?:)?//[^\"]*" "$0"' "$run/index.html"
tap "junit_xml_is_well_formed" xmllint --noout "$run/junit.xml" "$work/junit.xml"
tap "the_audit_chain_is_unbroken" "$PONT" audit verify "$run/registry.db"
tap "judged_again_it_is_the_same" bash -c '"$0" rejudge "$1" | head -1 | grep -q ^pass' "$PONT" "$run"
none_left() { ! pgrep -af "$run"; }
tap "no_process_is_left" none_left
tap "no_patient_attribute_is_in_a_log" bash -c '! grep -lE "Llywelyn|9990000018|M104417" "$0"/log-*.txt' "$run"
echo "1..$tap_number"
