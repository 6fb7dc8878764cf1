#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-fast check-all
# seconds: 120
# The house in order: who includes whom, what is banned below the wall, sizes, headers that stand alone.
set -u
cd "$(dirname "$0")/../.."
number=0
report() { # report NAME FINDINGS
    number=$((number + 1))
    if [ -z "$2" ]; then echo "ok $number - $1"; else echo "not ok $number - $1"; printf '%s\n' "$2" | head -30 >&2; fi
}
files() { git ls-files -co --exclude-standard "$@" | sort; }
pure() { files 'src/base/*.[ch]' 'src/hl7/*.[ch]' 'src/dicom/*.[ch]' 'src/actor/*.[ch]' 'src/engine/*.[ch]' 'sim/node/*.[ch]' 'sim/ris/*.[ch]' 'sim/viewer/*.[ch]' 'sim/virtual/*.[ch]' 'sim/load/*.[ch]'; }

report "folders_include_only_what_layers_txt_lets_them" "$(sh tests/tidy/layers.sh 2>&1)"
report "nothing_below_the_wall_uses_what_is_banned" "$(pure | grep -v '^src/base/arena.c$' | xargs grep -nE "$(grep -v '^#' tests/tidy/banned.txt | paste -sd'|')" /dev/null)"
report "every_file_begins_with_its_licence" "$(files 'src/**' 'sim/**' 'tests/*.[ch]' 'tests/*.sh' | grep -E '\.(c|cc|h|def|sh)$' | xargs grep -LE "SPDX-License-Identifier: MIT")"
report "no_source_file_is_over_700_lines" "$(files 'src/*' 'sim/*' | grep -E '\.(c|cc|h)$' | grep -vFf tests/tidy/large.txt | xargs wc -l | awk '$2 != "total" && $1 > 700')"
report "nothing_is_left_open_in_the_code" "$(files 'src/*' 'sim/*' 'tests/*' | grep -vE 'tests/tidy/' | xargs grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' /dev/null)"
report "no_blob_is_over_100_kB" "$(files | while read -r f; do [ -f "$f" ] && [ "$(stat -c %s "$f")" -gt 102400 ] && case $f in docs/*.png) ;; *) echo "$f" ;; esac; done)"
report "the_top_level_is_the_given_one" "$(files | cut -d/ -f1 | sort -u | grep -vxE 'Makefile|sim|scenarios|fixtures|reports|src|tests|docs|README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|\..*')"
report "headers_stand_alone" "$(files 'src/*.h' 'sim/*.h' | grep -v '^src/dcmtk/[^d]' | while read -r h; do printf '#include "%s"\n' "$h" | gcc -std=c11 -D_GNU_SOURCE -I. -fsyntax-only -x c - 2>&1 | grep -m1 error | sed "s|^|$h: |"; done)"
report "shell_scripts_are_sound" "$(command -v shellcheck >/dev/null && files 'tests/*.sh' '.ci/*' | xargs shellcheck -S error 2>&1)"
echo "1..$number"
