#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 540
# Each deliberate defect must make the run exit 1 and name the invariant it breaks; without a defect the run passes.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
PONT=$BUILD/mutants/pont
one() { # one MUTANT INVARIANT
    "$PONT" run scenarios/broken/mutants.yaml --out "$work/$1" --progress none --trace none ${1:+--mutant "$1"} >"$work/$1.out" 2>&1
    local code=$?
    if [ $code = 1 ] && grep -q "violated $2" "$work/$1.out"; then rm -rf "${work:?}/$1"; return 0; fi
    echo "exit code $code"; cat "$work/$1.out"
    return 1
}
clean() { "$PONT" run scenarios/broken/mutants.yaml --out "$work/clean" --progress none; }
tap "without_a_defect_the_run_passes" clean
while IFS='|' read -r mutant invariant; do
    tap "${mutant}_is_caught_by_${invariant}" one "$mutant" "$invariant"
done < <(sed -nE 's/^MUTANT_ROW\((M_[A-Z0-9_]+), *"([a-z-]+)".*/\1|\2/p' tests/mutants/mutants.def)
echo "1..$tap_number"
