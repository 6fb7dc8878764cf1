#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 540
# Each deliberate defect that the story has a trap for (the others: virtual.sh) must make the run exit 1 and name the invariant it breaks; without a defect the run passes. Runs wait more
# than they work, so three go at once.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
export PONT=$BUILD/mutants/pont work
one() { # one MUTANT INVARIANT, "clean" for none: leaves $work/MUTANT.ok when all is as it must be
    local mutant=$1 invariant=$2 code
    if [ "$mutant" = clean ]; then
        "$PONT" run scenarios/broken/mutants.yaml --out "$work/clean" --progress none >"$work/clean.out" 2>&1 && touch "$work/clean.ok"
    else
        "$PONT" run scenarios/broken/mutants.yaml --out "$work/$mutant" --progress none --trace none --mutant "$mutant" >"$work/$mutant.out" 2>&1
        code=$?
        echo "exit code $code" >>"$work/$mutant.out"
        [ $code = 1 ] && grep -q "violated $invariant" "$work/$mutant.out" && touch "$work/$mutant.ok"
    fi
    rm -rf "${work:?}/$mutant"
}
export -f one
mutants=$(sed -nE '/trouble\.yaml/q; s/^MUTANT_ROW\((M_[A-Z0-9_]+), *"([a-z-]+)".*/\1 \2/p' tests/mutants/mutants.def)
printf 'clean none\n%s\n' "$mutants" | xargs -P 3 -L 1 bash -c 'one "$0" "$1"'
caught() { [ -e "$work/$1.ok" ] || { cat "$work/$1.out"; return 1; }; }
tap "without_a_defect_the_run_passes" caught clean
while read -r mutant invariant; do
    tap "${mutant}_is_caught_by_${invariant}" caught "$mutant"
done <<<"$mutants"
echo "1..$tap_number"
