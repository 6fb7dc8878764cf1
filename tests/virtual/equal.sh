#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check
# seconds: 90
# One scenario and one seed are one history: the same trace hash, the same results.json (but for the wall's time, the resources and
# the build), the same files, twice, in other memory, and in a sweep; and one draw that came out otherwise is seen in the hash.
# "equal.sh all" (equal_all.sh, check-all) says it of both compilers, without optimisation and with the most, and with the sanitizers.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
scenarios=(scenarios/quickstart.yaml scenarios/ci-regression.yaml "$work/pilot.yaml")
# A fortnight of the pilot. The wall's limit is lifted: a run that it cuts ends where the machine was slow.
sed -E 's/length: 365 d/length: 14 d/; s/drain: 7 d/drain: 1 d/; s/\{wall: 5 min\}/{wall: 2 h}/; s/count: 110 k/count: 1 k/; s/(volume: .*default:) 1.0/\1 0.1/' scenarios/pilot-twelve-months.yaml >"$work/pilot.yaml"
name_of() { basename "$1" .yaml; }
play() { # play PONT SCENARIO FOLDER: verdicts are no matter here
    "$1" run "$2" --world virtual --progress none --out "$work/$3" >"$work/$3.out" 2>&1
    test -s "$work/$3/results.json" || cat "$work/$3.out"
}
hash_of() { /usr/bin/python3 -c "import json; print(json.load(open('$work/$1/results.json'))['trace_hash'])"; }
same_results() { # same_results FILE FILE: to the byte, and to the order of the keys
    /usr/bin/python3 - "$@" <<'P'
import json, sys
def read(path):
    r = json.load(open(path))
    del r["time"]["wall_s"], r["resources"], r["build"]
    return r
a, b = (read(p) for p in sys.argv[1:])
assert a["trace_hash"] and a["time"]["events"] > 1000, "that is no run"
assert json.dumps(a) == json.dumps(b), [(k, a[k], b.get(k)) for k in a if a[k] != b.get(k)]
P
}
same_run() { # of two folders: all that a run writes but the page and the drawings, which show the wall's time
    same_results "$work/$1/results.json" "$work/$2/results.json" || return 1
    local file
    for file in trace.jsonl plan.jsonl observations.jsonl causes.jsonl scenario.yaml; do
        test -e "$work/$1/$file" || test -e "$work/$2/$file" || continue # a long run has no trace
        cmp "$work/$1/$file" "$work/$2/$file" || return 1
    done
}
for scenario in "${scenarios[@]}"; do
    name=$(name_of "$scenario")
    play "$PONT" "$scenario" "$name"
    if [ "${1:-}" != all ]; then
        # Again, with the stack and all addresses elsewhere.
        WIDER=$(printf '%5000s') play "$PONT" "$scenario" "$name.again"
        tap "${name}_is_the_same_twice" same_run "$name" "$name.again"
        rm -rf "${work:?}/$name.again"
    fi
done
if [ "${1:-}" != all ]; then
    seed=$(/usr/bin/python3 -c "import json; print(json.load(open('$work/ci-regression/results.json'))['seed'])")
    "$PONT" sweep scenarios/ci-regression.yaml --world virtual --seeds $((seed - 1))..$((seed + 1)) --jobs 2 --quiet --out "$work/sweep" >"$work/sweep.out" 2>&1
    tap "ci-regression_is_the_same_in_a_sweep" same_results "$work/ci-regression/results.json" "$work/sweep/seeds/base/$seed.json"
    # One draw comes out otherwise: when one patient of the clinic or of the rush comes, when one viewer looks.
    make -s BUILD="$BUILD" "$BUILD/altered/pont" || exit 1
    alter() { PONT_ALTERED_PURPOSE=$1 PONT_ALTERED_DRAW=$2 play "$BUILD/altered/pont" scenarios/ci-regression.yaml "altered.$1.$2"; }
    alter jitr 0
    draws=$(sed -n 's/^draws //p' "$work/altered.jitr.0.out")
    tap "with_no_draw_altered_it_is_the_same" same_run ci-regression altered.jitr.0
    tap "there_are_draws_to_alter" test "$draws" -ge 135
    for draw in "jitr 1" "jitr 60" "jitr 135" "brst 20" "looa 5"; do
        read -r purpose number <<<"$draw"
        alter "$purpose" "$number"
        tap "altering_${purpose}_${number}_alters_the_hash" test "$(hash_of ci-regression)" != "$(hash_of "altered.$purpose.$number")"
    done
    echo "1..$tap_number"
    exit
fi
build() { make -s -j2 BUILD="$BUILD/equal/$1" "${@:2}" all >"$work/make.out" 2>&1 || { tail -n 20 "$work/make.out" >&2; false; }; }
compare() { # compare NAME MAKE'S-WORDS...
    local as=$1
    build "$@" || { tap "$as: it builds" false; return; }
    for scenario in "${scenarios[@]}"; do
        name=$(name_of "$scenario")
        case $as/$name in asan*/pilot) continue ;; esac # an hour, and the shorter ones go the same ways
        play "$BUILD/equal/$as/pont" "$scenario" "$name.$as"
        tap "$as: ${name}_is_the_same" same_run "$name" "$name.$as"
        rm -rf "${work:?}/$name.$as"
    done
}
compare gcc-O0 CC=gcc CXX=g++ OPTIMISE=-O0
compare gcc-O3 CC=gcc CXX=g++ OPTIMISE="-O3 -march=native"
compare asan-gcc CC=gcc CXX=g++ MODE=asan
if command -v clang >/dev/null && command -v clang++ >/dev/null; then
    compare clang-O0 CC=clang CXX=clang++ OPTIMISE=-O0
    compare clang-O3 CC=clang CXX=clang++ OPTIMISE="-O3 -march=native"
    compare asan-clang CC=clang CXX=clang++ MODE=asan
else
    echo "# clang is not here: gcc alone was compared"
fi
echo "1..$tap_number"
