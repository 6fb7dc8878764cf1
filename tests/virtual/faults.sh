#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all asan
# seconds: 60
# Every family of faults in virtual time: nothing that must always hold is violated, and every fault was met.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
for file in scenarios/faults/*.yaml; do
    name=$(basename "$file" .yaml)
    if grep -q '^  world: wire' "$file"; then
        tap "${name}_is_of_the_wire_and_sound" "$PONT" check "$file"
        continue
    fi
    "$PONT" run "$file" --world virtual --progress none --out "$work/$name" >"$work/$name.out" 2>&1
    code=$?
    [ $code = 0 ] || cat "$work/$name.out" >&2
    tap "${name}_holds_in_virtual_time" test $code = 0
    # Every fault of the file began: those of single operations say no name, so they are known by their effects.
    tap "every_fault_of_${name}_was_met" /usr/bin/python3 - "$file" "$work/$name/observations.jsonl" <<'P'
import json, sys, yaml
def words(effect):
    if isinstance(effect, str):
        return [effect]
    key = next(k for k in effect if k not in ("instances", "rows", "late_by"))
    value = effect[key]
    return [key + " " + value, value, key] if isinstance(value, str) else [key]
faults = yaml.safe_load(open(sys.argv[1]))["faults"]
seen = [json.loads(line) for line in open(sys.argv[2])]
named = {o.get("other_id") for o in seen if o["observed"] == "fault_began"}
texts = {o.get("text") for o in seen if o["observed"] == "fault_began"} | {"kill" for o in seen if o["observed"] == "killed"}
missing = [name for name, fault in faults.items() if name not in named and not texts & set(words(fault["effect"]))]
if missing:
    print("never met:", *missing)
    sys.exit(1)
P
done
echo "1..$tap_number"
