#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 300
# Every family of faults on sockets, through the shaper and the emulations: nothing that must always hold is violated, every
# situation that the scenario names was reached, and no process is left behind.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
for file in scenarios/faults/*.yaml; do
    name=$(basename "$file" .yaml)
    grep -q '^  world: virtual' "$file" && continue
    "$PONT" run "$file" --world wire --progress none --out "$work/$name" >"$work/$name.out" 2>&1
    code=$?
    [ $code = 0 ] || cat "$work/$name.out" >&2
    tap "${name}_holds_on_the_wire" test $code = 0
done
echo "1..$tap_number"
