#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 900
# Another compiler, and no optimisation, give the same trace, event by event.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
hash_of() { /usr/bin/python3 -c "import json; print(json.load(open('$work/$1/results.json'))['trace_hash'])"; }
play() { "$1" run scenarios/quickstart.yaml --world virtual --progress none --out "$work/$2" >"$work/$2.out" 2>&1; }
play "$PONT" here
tap "this_build_plays_it" test -n "$(hash_of here)"
if command -v clang >/dev/null && command -v clang++ >/dev/null; then
    make -j2 BUILD="$BUILD/clang" CC=clang CXX=clang++ all >"$work/make.out" 2>&1 || tail -n 20 "$work/make.out" >&2
    play "$BUILD/clang/pont" clang
    tap "clang_gives_the_same_trace" test "$(hash_of here)" = "$(hash_of clang)"
    tap "clang_gives_the_same_trace_lines" cmp "$work/here/trace.jsonl" "$work/clang/trace.jsonl"
fi
make -j2 BUILD="$BUILD/plain" FLAGS_release="-O0 -g1" all >"$work/make.out" 2>&1 || tail -n 20 "$work/make.out" >&2
play "$BUILD/plain/pont" plain
tap "without_optimisation_the_trace_is_the_same" test "$(hash_of here)" = "$(hash_of plain)"
echo "1..$tap_number"
