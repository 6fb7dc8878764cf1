#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 150
# A planted defect, found in a story of eighteen exams, is shrunk to a story that a person reads at a glance. It breaks the same rule
# with any seed, and the sound engine passes it.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
mutants=$BUILD/mutants/pont
small=$work/regressions/ghost.yaml
mkdir "$work/regressions"
code() { local wanted=$1; shift; "$@"; [ $? = "$wanted" ]; }
tap "the_defect_is_found" code 1 "$mutants" run scenarios/broken/mutants.yaml --world virtual --mutant M_GHOST --out "$work/run" --quiet
tap "it_is_shrunk" eval '"$mutants" shrink "$work/run" --out "$small" | tee "$work/said"'
tap "nothing_else_is_left_in_the_run_folder" test ! -e "$work/run/.shrink"
has() { /usr/bin/python3 -c "
import yaml
s = yaml.safe_load(open('$small'))
print(s)
assert $1"; }
tap "at_most_two_people_two_studies_and_four_steps_are_left" has "len(s['people']) <= 2 and len(s['studies']) <= 2 and len(s['story']) <= 4 and not s.get('faults')"
tap "it_says_which_rule_and_that_no_seed_is_needed" grep -q "rejected-stays-hidden.*" "$small"
tap "and_that_the_seed_does_not_matter" grep -q "the seed does not matter" "$small"
for seed in 1 99 123456; do
    fails_so() { "$mutants" run "$small" --world virtual --mutant M_GHOST --seed $seed --out "$work/seed$seed" --quiet | grep -q "violated rejected-stays-hidden"; }
    tap "it_breaks_the_rule_with_seed_$seed" fails_so
done
tap "the_sound_engine_passes_it" eval '"$mutants" run "$small" --world virtual --out "$work/sound" --quiet'
tap "a_run_that_passed_has_nothing_to_shrink" code 2 "$mutants" shrink "$work/sound"
tap "the_product_says_that_it_lacks_the_defect" code 2 "$PONT" shrink "$work/run"
tap "a_rule_that_held_is_refused" code 2 "$mutants" shrink "$work/run" --rule one-job
echo "1..$tap_number"
