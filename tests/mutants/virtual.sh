#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 60
# Each deliberate defect is found by a sweep in virtual time within 200 seeds: of the story in which each has its trap, or of four
# hours of trouble. The table says how many seeds it took.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
export PONT=$BUILD/mutants/pont
# The first seed of a folder's sweep that breaks the rule; the sweep grows until there is one.
seeds_needed() { # seeds_needed SCENARIO MUTANT INVARIANT LAST
    local folder=$work/$2-$(basename "$1" .yaml) last found
    for last in 1 4 20 80 200; do
        [ "$last" -le "$4" ] || break
        "$PONT" sweep "$1" --world virtual --seeds 1..$last --jobs 2 --mutant "$2" --out "$folder" --quiet >/dev/null 2>&1
        found=$(/usr/bin/python3 - "$folder/seeds/base" "$3" <<'P'
import glob, json, os, sys
hits = []
for path in glob.glob(sys.argv[1] + "/[0-9]*.json"):
    name = os.path.basename(path)[:-5]
    if name.isdigit() and any(i["id"] == sys.argv[2] and i["violations"] > 0 for i in json.load(open(path)).get("invariants", [])):
        hits.append(int(name))
print(min(hits, default=""))
P
)
        [ -n "$found" ] && { rm -rf "$folder"; echo "$found"; return 0; }
    done
    rm -rf "$folder"
    return 1
}
table=$work/table
printf '# %-18s %-26s %-10s %s\n' defect invariant scenario "seeds needed" >"$table"
found_by() { # found_by MUTANT INVARIANT
    local scenario seeds
    for scenario in scenarios/broken/mutants.yaml scenarios/broken/trouble.yaml; do
        if seeds=$(seeds_needed "$scenario" "$1" "$2" "$([ "$scenario" = scenarios/broken/mutants.yaml ] && echo 1 || echo 200)"); then
            printf '# %-18s %-26s %-10s %s\n' "$1" "$2" "$(basename "$scenario" .yaml)" "$seeds" >>"$table"
            return 0
        fi
    done
    echo "no seed of 200 shows $1"
    return 1
}
for scenario in mutants trouble; do
    tap "without_a_defect_seeds_of_${scenario}_pass" "$PONT" sweep scenarios/broken/$scenario.yaml --world virtual --seeds 1..20 --jobs 2 --out "$work/sound-$scenario" --quiet
done
while read -r mutant invariant; do
    tap "${mutant}_is_found_by_${invariant}_within_200_seeds" found_by "$mutant" "$invariant"
done < <(sed -nE 's/^MUTANT_ROW\((M_[A-Z0-9_]+), *"([a-z-]+)".*/\1 \2/p' tests/mutants/mutants.def)
cat "$table"
echo "1..$tap_number"
