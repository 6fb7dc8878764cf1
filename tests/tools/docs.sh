#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the generated pages of docs/ again, from the tables in the program. `--check` only says whether they are up to date.
set -eu
cd "$(dirname "$0")/../.."
pont=${BUILD:-build}/pont
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
page() { # FILE COMMAND...
    file=$1
    shift
    "$@" >"$work/page"
    if ! cmp -s "$work/page" "$file"; then
        [ "$check" ] && echo "$file is not up to date: run make docs" && bad=1 && return
        mkdir -p "$(dirname "$file")"
        cp "$work/page" "$file"
        echo "made $file"
    fi
}
check=
[ "${1:-}" = --check ] && check=yes
page docs/schema/scenario.json "$pont" schema scenario
page docs/schema/profile.json "$pont" schema profile
page docs/schema/engine.json "$pont" schema engine
page docs/scenario-reference.md "$pont" schema reference
page docs/quirks.md "$pont" vendors --markdown
exit $bad
