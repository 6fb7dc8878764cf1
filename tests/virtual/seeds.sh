#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 60
# Seeds of the ninety minutes that once found something, and forty in a row: each holds, and together they reach what some run must.
#    27 33 38 an NHS number told during a mistaken merge, and somebody merged before she ever came
#    32 40 70 a study that grew was sent whole again to a viewer
#    41 77 83 a PACS that rejected and told nobody; an exam rejected before anybody could see it
#    105 160 images came from a copy of a study that was rejected at its home
#    122 303 397 465 582 numbers merged with one that was merged by mistake, and who was drawn along by another's NHS number
#    188 521 a list of names while the engine was dead; images that came for a case just before it had to be ready
#    814 924 a study that another question found gone while this one was open
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
holds() { "$PONT" sweep scenarios/ci-regression.yaml --seeds "$1..$1" --jobs 1 --quiet --out "$work/$1" | tee "$work/out" | grep -q "^1 seeds passed, 0 failed$" || { cat "$work/out"; return 1; }; }
for seed in 27 33 38 32 40 70 41 77 83 105 160 122 303 397 465 582 188 521 814 924; do
    tap "seed_${seed}_holds" holds $seed
done
for file in scenarios/regressions/*.yaml; do
    name=$(basename "$file" .yaml)
    tap "${name//-/_}_holds" "$PONT" run "$file" --world virtual --quiet --out "$work/$name"
done
tap "forty_seeds_hold_and_reach_what_some_run_must" "$PONT" sweep scenarios/ci-regression.yaml --seeds 1..40 --jobs 2 --quiet --out "$work/forty"
echo "1..$tap_number"
