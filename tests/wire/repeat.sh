#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 1500
# Ten runs of the quickstart in a row pass and come to one outcome; so do two at once on a busy machine, and runs of 1, 7 and 64 messages.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
play() { # play NAME OPTIONS...
    local name=$1
    shift
    "$PONT" run scenarios/quickstart.yaml --world wire --out "$work/$name" --progress none --trace none "$@" >"$work/$name.out" 2>&1 || { cat "$work/$name.out"; return 1; }
    /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["outcome_digest"])' "$work/$name/results.json" >>"$work/outcomes"
    rm -rf "${work:?}/$name"
}
for i in 1 2 3 4 5 6 7 8 9 10; do tap "run_${i}_of_ten_passes" play "run$i"; done
tap "runs_of_1_message_pass" play one --run-max 1
tap "runs_of_7_messages_pass" play seven --run-max 7
tap "runs_of_64_messages_pass" play many --run-max 64
busy() {
    local load first second
    (while :; do :; done) & load=$!
    (while :; do :; done) & load="$load $!"
    play busy1 & first=$!
    play busy2 & second=$!
    wait $first; local a=$?
    wait $second; local b=$?
    # shellcheck disable=SC2086
    kill $load
    return $((a + b))
}
tap "two_at_once_on_a_busy_machine_pass" busy
tap "they_all_came_to_one_outcome" bash -c 'cat "$0"; test "$(sort -u "$0" | wc -l)" = 1' "$work/outcomes"
echo "1..$tap_number"
