#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 400
# Each emulated product: echo, find, move, byte-correct images; then exactly the commands that `pont vendors VENDOR --probe`
# prints, each of which must show its quirk there and must not on the plain product.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
# Below the ports that the system gives to those who do not ask for one.
client=TRYME@127.0.0.1:$(/usr/bin/python3 -c '
import random, socket
while True:
    port = random.randrange(20000, 30000)
    try:
        socket.create_server(("127.0.0.1", port)).close()
        break
    except OSError:
        pass
print(port)')
client_port=${client##*:}
# node NAME OPTIONS...: starts one; its address goes to $at, its process to $pid.
node() {
    local name=$1
    shift
    : >"$work/said"
    TMPDIR=$work "$PONT" node "$name" --peers "$client" "$@" >"$work/said" 2>"$work/node.err" &
    pid=$!
    tap_children+=("$pid")
    await 20 grep -q @ "$work/said" || { cat "$work/node.err" >&2; return 1; }
    at=$(sed -n 's/^\([^ ]*@[^ ]*\) .*/\1/p' "$work/said")
    aet=${at%@*} port=${at##*:}
}
stop() {
    kill "$pid" && wait "$pid"
}
truth() { /usr/bin/python3 - "$work/observed" <<'P'
import json, sys
for line in open(sys.argv[1]):
    seen = json.loads(line)
    if seen["observed"] == "truth_instance":
        print(seen["study_uid"], seen["sop_uid"], seen["dataset_sha256"], seen["pixel_sha256"])
P
}
told() { test "$(truth | cut -d' ' -f1 | sort -u | wc -l)" = 3; }
finds_each() {
    for uid in $studies; do
        findscu -v -S -aet TRYME -aec "$aet" -k QueryRetrieveLevel=STUDY -k StudyInstanceUID="$uid" 127.0.0.1 "$port" 2>&1 | tee -a "$work/find" | grep -q 'Find Response: 1 (Pending' || { cat "$work/find"; return 1; }
    done
}
# Twice: one product ends the first move of a study with success and nothing sent.
moves_each() {
    local all=${studies//$'\n'/\\} again
    for again in 1 2; do
        movescu -S -aet TRYME -aec "$aet" -aem TRYME -k QueryRetrieveLevel=STUDY -k StudyInstanceUID="$all" 127.0.0.1 "$port" || return 1
    done
}
arrived() {
    for file in "$work/in"/*; do
        "$PONT" node --digest "$file" | awk '{v[$1] = $2} END{print v["study_instance_uid"], v["sop_instance_uid"], v["dataset_sha256"], v["pixel_sha256"]}'
    done | sort >"$work/arrived"
    truth | sort | diff - "$work/arrived"
}
# commands VENDOR NODE: name and command of each probe, a tab between.
commands() { "$PONT" vendors "$1" --probe --node "$2" --client "$client" | awk '/^# [a-z0-9_]+: /{name = substr($2, 1, length($2) - 1); next} /^$|^#/{next} {print name "\t" $0}'; }
profile() { /usr/bin/python3 -c 'import sys, yaml
for name in sorted(yaml.safe_load(open(sys.argv[1]))["quirks"]):
    print(name)' "$1"; }
shows() { timeout 40 bash -c "$1"; }

mapfile -t vendors < <("$PONT" vendors | awk 'NR > 1 && NF == 0 {exit} NR > 1 {print $1}')
[ $# = 0 ] || vendors=("$@") # only these, for whoever changes one
[ $# != 0 ] || tap "the_seven_are_listed" test "${vendors[*]}" = "agfa carestream ferrania fuji ge insignia plain"
mkdir "$work/in"
storescp -aet TRYME -od "$work/in" "$client_port" >"$work/scp" 2>&1 &
scp=$!
tap_children+=("$scp")
await 20 echoscu 127.0.0.1 "$client_port"
for vendor in "${vendors[@]}"; do
    exec 9>"$work/observed"
    node "$vendor" --studies 3 --seed 4 --observe 9 || exit 1
    exec 9>&-
    await 20 told
    studies=$(truth | cut -d' ' -f1 | sort -u)
    tap "${vendor}_answers_an_echo" echoscu -aet TRYME -aec "$aet" 127.0.0.1 "$port"
    tap "${vendor}_finds_its_studies" finds_each
    tap "${vendor}_moves_its_studies" moves_each
    tap "${vendor}_images_arrive_byte_correct" arrived
    rm -f "$work/in"/*
    stop
done
kill "$scp" && wait "$scp"
node plain --studies 500 --seed 1 || exit 1
plain=$at plain_pid=$pid
probed=" "
prove() { # prove LABEL PROFILE FILE: PROFILE is what names it on the command line
    commands "$2" X@127.0.0.1:1 >"$work/commands"
    tap "each_quirk_of_$1_has_a_probe" diff <(profile "$3") <(cut -f1 "$work/commands" | sort)
    [ -s "$work/commands" ] || return
    node "$2" --studies 500 --seed 1 || exit 1
    while IFS=$'\t' read -r name command; do
        tap "$1_shows_$name" shows "$command"
    done < <(commands "$2" "$at")
    stop
    while IFS=$'\t' read -r name command; do
        # A delay is shown by a clock, and on a busy machine the plain product may be as slow.
        case "$probed move_nearline_delay " in *" $name "*) continue ;; esac
        probed="$probed$name "
        tap "plain_does_not_show_$name" bash -c '! timeout 40 bash -c "$0"' "$command"
    done < <(commands "$2" "$plain")
}
for vendor in "${vendors[@]}"; do prove "$vendor" "$vendor" "sim/vendors/$vendor.yaml"; done
# What no product has: a profile of one's own.
{
    printf 'vendor: bent\ntitle: Bent PACS\nnote: what no other profile has\nquirks:\n'
    for name in $("$PONT" vendors --compare | awk 'NR > 1 && !/ [DRA]( |$)/ {print $1}'); do printf '  %s: {confidence: assumed, source: test}\n' "$name"; done
    grep -v '^#' sim/vendors/plain.yaml | sed '/^vendor:\|^title:\|^note:\|^quirks:/d'
} >"$work/bent.yaml"
prove bent "$work/bent.yaml" "$work/bent.yaml"
kill "$plain_pid" && wait "$plain_pid"
tap "nothing_that_they_were_sent_is_left" bash -c '! ls -d "$0"/pont-node-* 2>/dev/null | grep -q .' "$work"
echo "1..$tap_number"
