#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails if a file includes a header that tests/tidy/layers.txt does not let its folder include.
set -eu
git ls-files -co --exclude-standard 'src/*.[ch]' 'src/*.cc' 'sim/*.[ch]' 'src/*.def' 'sim/*.def' | xargs grep -HnE '^[[:space:]]*#[[:space:]]*include' |
awk -v layers=tests/tidy/layers.txt '
BEGIN {
    free = " assert.h inttypes.h limits.h stdarg.h stdbool.h stddef.h stdint.h string.h "
    machine = " ctype.h stdio.h stdlib.h math.h errno.h "
    while ((getline line < layers) > 0) {
        if (line ~ /^#/ || line !~ /->/) continue
        split(line, side, "->"); gsub(/ /, "", side[1]); allowed[side[1]] = " " side[2] " "
    }
}
{
    split($0, part, ":"); file = part[1]
    match(file, /^(src|sim)\/[^\/]*/); folder = substr(file, 1, RLENGTH)
    header = $0; sub(/.*#[ \t]*include[ \t]*[<"]/, "", header); sub(/[>"].*/, "", header)
    if (allowed[folder] ~ / \* /) next
    if (header ~ /^(src|sim)\//) { match(header, /^(src|sim)\/[^\/]*/); target = substr(header, 1, RLENGTH)
        if (target == folder || index(allowed[folder], " " target " ")) next
    } else {
        if (index(free, " " header " ")) next
        if (index(machine, " " header " ") && (folder !~ /^(sim|src\/(base|hl7|dicom|engine))/ || file ~ /src\/base\/arena\.c/)) next
        n = split(allowed[folder], ok, " ")
        for (i = 1; i <= n; i++) if (index(header, ok[i]) == 1) next
    }
    printf "%s:%s: %s may not include %s\n", file, part[2], folder, header; bad = 1
}
END { exit bad }'
