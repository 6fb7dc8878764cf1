#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the tests of one tier and ends in "N passed, N failed". Every test is a program that prints TAP ("ok 1 - name",
# "not ok 2 - name"); one that prints no failure but exits non-zero, runs past its limit, or tests nothing has failed.
# Scripts name their tiers in a line "# tier: check check-all", their limit in "# seconds: 120", both near the top.
set -u
cd "$(dirname "$0")/.."
tier=${1:-check}
export BUILD=${BUILD:-build}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

tests=()
[ "$tier" = tsan ] || [ "$tier" = check-all ] || while IFS= read -r unit; do tests+=("$BUILD/unit/${unit%.c}"); done < <(cd tests/unit && ls */test_*.c 2>/dev/null)
while IFS= read -r script; do
    sed -n '1,12p' "$script" | grep -qE "^# tier:.*\\b$tier( |\$)" && tests+=("$script")
done < <(ls tests/tidy/*.sh tests/golden/*.sh tests/wire/*.sh tests/virtual/*.sh tests/mutants/*.sh tests/cli/*.sh tests/report/*.sh 2>/dev/null)

run_one() {
    local test=$1 out
    out="$results/$(echo "$test" | tr '/' '_')"
    local limit=120
    case $test in *.sh) limit=$(sed -n '1,12p' "$test" | sed -n 's/^# seconds: *//p'); limit=${limit:-120} ;; esac
    limit=$((limit * 4)) # a guard against hanging, not a measure of speed: the machine may be busy
    timeout --kill-after=10 "$limit" "$test" >"$out" 2>"$out.err" </dev/null
    local code=$?
    local passed failed
    passed=$(grep -cE '^ok\b' "$out")
    failed=$(grep -cE '^not ok\b' "$out")
    if [ "$failed" = 0 ] && { [ $code != 0 ] || [ "$passed" = 0 ]; }; then
        failed=1
        [ $code = 124 ] && echo "not ok - $test ran past its limit of $limit s" >>"$out" || echo "not ok - $test exited $code with $passed passed" >>"$out"
    fi
    printf '%s %s\n' "$passed" "$failed" >"$out.count"
    if [ "$failed" != 0 ]; then
        printf 'FAILED %s\n' "$test"
        grep -E '^not ok\b' "$out" | head -20
        tail -n 25 "$out.err"
    else
        printf '%6s passed  %s\n' "$passed" "${test#"$BUILD"/}"
    fi
}
export -f run_one
export results
printf '%s\n' "${tests[@]}" | xargs -P "${JOBS:-2}" -I{} bash -c 'run_one "$1"' _ {}
cat "$results"/*.count 2>/dev/null | awk '{p += $1; f += $2} END {printf "%d passed, %d failed\n", p, f; exit f > 0 || p == 0}'
