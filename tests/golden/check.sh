#!/bin/bash
# SPDX-License-Identifier: MIT
# Broken scenarios, profiles and configurations: pont check says exactly what tests/golden/check/NAME.expected holds, and exits 2;
# those of warned/ are accepted, with a warning.
# `tests/golden/check.sh --accept` writes the expected files anew: look at the diff before you commit it.
# tier: check check-fast asan
# seconds: 60
set -u
cd "$(dirname "$0")/../.." || exit 3
pont=${BUILD:-build}/pont
folder=tests/golden/check
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

# What cannot be kept as text is made here.
printf 'pont: 1\nscenario: {id: a\001b}\n' >"$work/control-character.yaml"
printf 'pont: 1\nscenario: {id: a, note: "x\000y"}\n' >"$work/nul.yaml"
head -c 4096 "$pont" >"$work/binary-junk.yaml"
printf 'pont: 1\nscenario: {id: a, note: Si\342n}\n' >"$work/latin-1.yaml"
printf '\377\376p\000o\000n\000t\000' >"$work/utf-16.yaml"
{ echo 'pont: 1'; head -c 10485760 /dev/zero | tr '\0' 'x' | fold -w 100 | sed 's/^/# /'; } >"$work/ten-megabytes.yaml"
{ printf 'pont: 1\nscenario: '; head -c 200 /dev/zero | tr '\0' '['; echo; } >"$work/two-hundred-levels.yaml"
{ printf 'pont: '; head -c 300000 /dev/zero | tr '\0' '['; echo; } >"$work/endless-brackets.yaml"
mkdir "$work/folder"

verdict() { # NAME FILE WANTED-CODE
    number=$((number + 1))
    # The message about a folder that goes at each run says WORK for it.
    "$pont" check "$2" 2>&1 >/dev/null | sed "s|$work|WORK|g" >"$work/said"
    local code=${PIPESTATUS[0]}
    [ "${accept:-}" ] && cp "$work/said" "$folder/$1.expected"
    if [ "$code" = "$3" ] && diff -u "$folder/$1.expected" "$work/said" >&2; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1 (exit $code, wanted $3)"
    fi
}

[ "${1:-}" = --accept ] && accept=yes
for file in "$folder"/warned/*.yaml; do
    verdict "warned/$(basename "$file" .yaml)" "$file" 0
done
for file in "$folder"/*.yaml; do
    verdict "$(basename "$file" .yaml)" "$file" 2
done
for name in control-character nul binary-junk latin-1 utf-16 ten-megabytes two-hundred-levels endless-brackets folder missing; do
    file=$work/$name.yaml
    [ "$name" = folder ] && file=$work/folder
    verdict "$name" "$file" 2
done

# The good ones stay good, in every format; a byte order mark and CRLF do no harm.
good() { # NAME COMMAND...
    local name=$1
    shift
    number=$((number + 1))
    if "$@" >"$work/said" 2>&1; then echo "ok $number - $name"; else echo "not ok $number - $name"; cat "$work/said" >&2; fi
}
good "every shipped scenario and profile is sound" "$pont" check scenarios/*.yaml scenarios/broken/*.yaml sim/vendors/*.yaml
good "the whole vocabulary is accepted: a year, and ten minutes of both worlds" "$pont" check "$folder"/good/*.yaml
{ printf '\357\273\277'; sed 's/$/\r/' scenarios/quickstart.yaml; } >"$work/crlf.yaml"
good "a byte order mark and CRLF do no harm" "$pont" check "$work/crlf.yaml"
said() { "$pont" check "$@" 2>/dev/null; true; }
said --format json "$folder/many-errors-at-once.yaml" "$folder/tab.yaml" >"$work/problems.json"
good "json is JSON, with every problem of every file" python3 -c 'import json, sys
problems = json.load(open(sys.argv[1]))
assert problems["errors"] == len(problems["problems"]) == 7, problems
assert {"rule", "file", "line", "column", "text", "severity"} <= set(problems["problems"][0])' "$work/problems.json"
said --format sarif "$folder/many-errors-at-once.yaml" >"$work/problems.sarif"
good "sarif is JSON, and names only rules that it describes" python3 -c 'import json, sys
run = json.load(open(sys.argv[1]))["runs"][0]
rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
assert len(run["results"]) == 6 and all(result["ruleId"] in rules for result in run["results"])' "$work/problems.sarif"
said --format github "$folder/many-errors-at-once.yaml" >"$work/problems.github"
good "github is one workflow command a line" test "$(grep -c '^::error file=tests/golden/check/many-errors-at-once.yaml,line=[0-9]*,col=[0-9]*,endColumn=[0-9]*,title=P[0-9]*::' "$work/problems.github")" = 6
year=$folder/good/twelve-months.yaml
good "a param can be set" "$pont" check --set volume=0.5 --set "far_link=10 Mbit/s" "$year"
good "a param that was set is explained" grep -q 'params.volume.value: 0.5' <("$pont" check --explain --set volume=0.5 "$year" 2>/dev/null)
good "what \`defaults\` filled in is explained with its place" grep -q 'links.core.share: 0.7   # tests/golden/check/good/twelve-months.yaml:65' <("$pont" check --explain "$year" 2>/dev/null)
refused() { "$pont" check "$@" >/dev/null 2>&1; [ $? = 2 ]; }
good "a param that there is not cannot be set" refused --set volumes=0.5 "$year"
good "a param cannot be set beyond its bounds" refused --set volume=11 "$year"
good "a param cannot be set without a value" refused --set volume "$year"
good "a rule explains itself" grep -q 'unknown name' <("$pont" check --rule P204)
good "defaults are explained" grep -q 'run.wire.ports: auto   # built in' <("$pont" check --explain scenarios/broken/mutants.yaml 2>/dev/null)
unknown_rule() { "$pont" check --rule P999; [ $? = 2 ]; }
good "an unknown rule is an error" unknown_rule
echo "1..$number"
