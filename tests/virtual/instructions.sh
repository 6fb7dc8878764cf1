#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 400
# Instructions per event, engine and models and judge together, counted by callgrind inside virtual_run: a count is repeatable where
# seconds are not. tests/bench/instructions.txt holds what was recorded; more than its tolerance above that fails. "instructions.sh
# record" writes it anew: do that when a change that is worth it costs more, and when one made it cheaper.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
recorded=tests/bench/instructions.txt
command -v valgrind >/dev/null || { echo "ok 1 - valgrind is not here # SKIP"; echo "1..1"; exit; }
count() { # count SCENARIO: instructions an event
    rm -rf "$work/run"
    valgrind --tool=callgrind --callgrind-out-file="$work/callgrind" --toggle-collect=virtual_run \
        "$PONT" run "$1" --world virtual --progress none --trace none --out "$work/run" >"$work/out" 2>&1
    /usr/bin/python3 - "$work" <<'P'
import json, sys
total = next(int(line.split()[1]) for line in open(sys.argv[1] + "/callgrind") if line.startswith("totals:"))
time = json.load(open(sys.argv[1] + "/run/results.json"))["time"]
print(total // (2 * time["events"])) # a run is played twice
P
}
if [ "${1:-}" = record ]; then
    { grep '^#' $recorded; echo "compiler $("$PONT" --version | grep -oE '(gcc|clang) [0-9]+')"; echo "tolerance_percent 5"
      for scenario in quickstart ci-regression; do echo "$scenario $(count "scenarios/$scenario.yaml")"; done; } >"$work/new" && cp "$work/new" $recorded
    exit
fi
word() { sed -n "s/^$1 //p" $recorded; }
compiler=$("$PONT" --version | grep -oE '(gcc|clang) [0-9]+')
if [ "$compiler" != "$(word compiler)" ]; then
    echo "ok 1 - recorded with $(word compiler), and this is $compiler # SKIP"
    echo "1..1"
    exit
fi
for scenario in quickstart ci-regression; do
    was=$(word $scenario) now=$(count "scenarios/$scenario.yaml")
    echo "# $scenario: ${now:-no} instructions an event, recorded $was"
    tap "${scenario}_takes_no_more_instructions_an_event_than_recorded" test "$now" -gt 0 -a $((100 * now)) -le $(($(word tolerance_percent) * was + 100 * was))
    [ $((100 * now)) -ge $((90 * was)) ] || echo "# it has become cheaper: record it (instructions.sh record)"
done
echo "1..$tap_number"
