#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 120
# The show of shrinking: a year in which more than a hundred faults come by chance, and a planted defect. What is left is at most three
# faults and five patients, needs no seed, and the sound engine passes it.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
mutants=$BUILD/mutants/pont
small=$work/small.yaml
code() { local wanted=$1; shift; "$@"; [ $? = "$wanted" ]; }
tap "the_defect_shows_in_a_year" code 1 "$mutants" run scenarios/broken/year.yaml --seed 1 --mutant M_QUIET_DOWN --out "$work/run" --quiet --trace none
tap "the_sound_engine_passes_the_year" "$PONT" run scenarios/broken/year.yaml --seed 1 --out "$work/sound-year" --quiet --trace none
tap "more_than_a_hundred_faults_came" eval '[ $(grep -c "\"kind\":\"fault\"" "$work/run/plan.jsonl") -gt 100 ]'
tap "it_is_shrunk" eval '"$mutants" shrink "$work/run" --rule partial-is-flagged --out "$small" >"$work/said"'
cat "$work/said" | sed 's/^/# /'
has() { /usr/bin/python3 -c "
import yaml
s = yaml.safe_load(open('$small'))
print(s)
assert $1"; }
tap "at_most_three_faults_are_left" has "1 <= len(s['faults']) <= 3"
tap "at_most_five_patients_are_left" has "s['patients']['count'] <= 5"
tap "no_seed_is_left" has "'seed' not in s.get('run', {})"
tap "it_says_that_the_seed_does_not_matter" grep -q "the seed does not matter" "$small"
for seed in 1 2 3; do
    fails_so() { "$mutants" run "$small" --mutant M_QUIET_DOWN --seed $seed --out "$work/seed$seed" --quiet | grep -q "violated partial-is-flagged"; }
    tap "it_breaks_the_rule_with_seed_$seed" fails_so
done
tap "the_sound_engine_passes_it" "$PONT" run "$small" --world virtual --out "$work/sound" --quiet
echo "1..$tap_number"
