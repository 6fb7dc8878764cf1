#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 3000
# The pilot's twelve months, to their end: nothing that must always hold is broken, and exams, images, HL7 messages and cases of
# meetings are as many as docs/workload.md says, within 1 %, and as many came of it as the plan held.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
tap "the_year_passes" "$PONT" run scenarios/pilot-twelve-months.yaml --out "$work/year" --quiet --trace none
figure() { /usr/bin/python3 - "$work/year/results.json" "$@" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
plan, counts = r["plan"], r["counts"]
ramp = sum([.10, .20, .35, .50, .65, .80, .90] + [1] * 5) / 12
all_exams, all_images, all_cases = 138000, 14.94e6, 18353  # of a year without the ramp
before = plan["before"]
checks = {
    "exams": (plan["exams"], all_exams * ramp),
    "images": (plan["images"], all_images * ramp),
    "messages": (plan["hl7_messages"], 6.41 * all_exams * ramp),
    "cases": (plan["mdt_cases"], all_cases * ramp),
    "published": (counts["published"], plan["exams"] + before["exams"]),
    "acknowledged": (counts["hl7_messages"], plan["hl7_messages"] + before["hl7_messages"] + plan["mdt_cases"]),  # each case is told
    "discussed": (counts["mdt_cases"], plan["mdt_cases"]),
}
got, wanted = checks[sys.argv[2]]
print(sys.argv[2], got, wanted, "%.2f %%" % (100 * (got - wanted) / wanted))
sys.exit(abs(got - wanted) > 0.01 * wanted)
P
}
tap "exams_are_98_thousand" figure exams
tap "images_are_10_and_a_half_million" figure images
tap "messages_are_6_4_for_each_exam" figure messages
tap "cases_of_meetings_are_13_thousand" figure cases
tap "as_many_exams_are_published_as_the_plan_held" figure published
tap "as_many_messages_are_acknowledged_as_the_plan_held" figure acknowledged
tap "as_many_cases_are_discussed_as_the_plan_held" figure discussed
echo "1..$tap_number"
