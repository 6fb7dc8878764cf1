#!/bin/sh
# SPDX-License-Identifier: MIT
# Made images are what their IODs ask for: dciodvfy finds no error, and they are the same bytes each time.
# tier: check check-all
# seconds: 10
set -eu
build=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-gcc} -std=c11 -I. -O1 -o "$work/image_files" tests/golden/image_files.c "$build/pure.a"
number=0
tell() { # status, name
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}
for size in tiny full; do
    mkdir "$work/$size"
    "$work/image_files" "$work/$size" $size || tell 1 "$size images are written"
    for file in "$work/$size"/*.dcm; do
        dciodvfy "$file" >"$work/said" 2>&1 || true
        if grep '^Error' "$work/said" >"$work/errors"; then sed 's/^/# /' "$work/errors"; bad=1; else bad=0; fi
        grep -qi '^[A-Za-z]*Image\|^CT\|^MR\|^SC\|^NM' "$work/said" || bad=1 # it knew the IOD
        tell $bad "dciodvfy finds no error in $size $(basename "$file" .dcm)"
    done
done
mkdir "$work/again"
"$work/image_files" "$work/again" tiny
cmp_bad=0
for file in "$work/tiny"/*.dcm; do cmp -s "$file" "$work/again/$(basename "$file")" || cmp_bad=1; done
tell $cmp_bad "an image is the same bytes each time"
echo "1..$number"
