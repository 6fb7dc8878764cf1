# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by test scripts: TAP lines, a temporary folder, and the end of everything that was started.
set -u
BUILD=${BUILD:-build}
PONT=${PONT:-$BUILD/pont}
tap_number=0
work=$(mktemp -d)
tap_children=()
tap_end() {
    for child in "${tap_children[@]:-}"; do [ -n "$child" ] && kill "$child" 2>/dev/null; done
    for child in "${tap_children[@]:-}"; do [ -n "$child" ] && wait "$child" 2>/dev/null; done
    rm -rf "$work"
}
trap tap_end EXIT
# tap NAME COMMAND...: passes when the command succeeds; what it printed is shown when it does not.
tap() {
    local name=$1
    shift
    tap_number=$((tap_number + 1))
    if "$@" >"$work/tap.out" 2>&1; then
        echo "ok $tap_number - $name"
    else
        echo "not ok $tap_number - $name"
        { echo "--- $name: $*"; tail -n 30 "$work/tap.out"; } >&2
    fi
}
# await SECONDS COMMAND...: polls until the command succeeds; fails after that time.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        read -r -t 0.1 <> <(:) || true
    done
}
# world SCENARIO: brings a world up and waits for its sheet at $sheet; world_folder holds logs and truth.csv.
world() {
    sheet=$work/sheet.yaml
    world_folder=$work/world
    "$PONT" world "$@" --sheet "$sheet" --out "$world_folder" >"$work/world.out" 2>&1 &
    tap_children+=($!)
    await 120 test -s "$sheet"
}
# sheet EXPRESSION: a value of the sheet, by python ("s['engine']['port']").
sheet() { /usr/bin/python3 -c "
import sys, yaml
s = yaml.safe_load(open('$sheet'))
print($1)"; }
