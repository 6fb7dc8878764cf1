#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check
# seconds: 120
# The engine dies at a commit of the quickstart, before what it decided leaves, and is restored from its records: here at
# one commit in 25, in check-all at each (crash_all.sh). Whatever was lost with it, nothing that must always hold may break.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
step=${1:-25}
play() { rm -rf "$work/run"; "$PONT" run scenarios/quickstart.yaml --world virtual --progress none --trace none --out "$work/run" "$@" >"$work/out" 2>"$work/err"; }
# Lives, then what is wrong: the story must end, and each invariant that was judged must hold. A step that waits for a PACS to be
# asked waits in vain when the question died with the engine: its client was told, and does not repeat it.
judge() { /usr/bin/python3 - "$work/run" <<'P'
import json, sys
r = json.load(open(sys.argv[1] + "/results.json"))
lost = any('"query_answered"' in line and '"association lost"' in line for line in open(sys.argv[1] + "/observations.jsonl"))
inv = {i["id"]: i for i in r["invariants"]}
wrong = [i["id"] for i in r["invariants"] if i["violations"]]
wrong += [r["error"]] if "error" in r and not (lost and "it waited for: find_received" in r["error"]) else []
wrong += [] if inv.get("restore-is-exact", {}).get("checked", 0) == r["resources"]["engine"]["lives"] - 1 else ["restore-is-exact was not judged for each life"]
print(r["resources"]["engine"]["lives"], "; ".join(wrong))
P
}
commit=1 runs=0 bad=0
while :; do
    play --crash-at $commit
    read -r lives wrong <<<"$(judge)"
    [ "${lives:-0}" = 2 ] && break # there was no such commit
    runs=$((runs + 1))
    if [ -n "$wrong" ] || [ "${lives:-0}" != 3 ]; then
        bad=$((bad + 1))
        echo "commit $commit, lives ${lives:-none}: $wrong" >&2
        [ $bad -ge 10 ] && break
    fi
    commit=$((commit + step))
done
tap "every_commit_tried_was_survived" test $bad = 0
tap "there_were_commits_to_try" test $runs -ge 10
play --crash-every 40
read -r lives wrong <<<"$(judge)"
tap "many_deaths_in_one_run_are_survived" test -z "$wrong" -a "${lives:-0}" -ge 4
echo "# died at $runs commits, and $((${lives:-1} - 1)) times in one run"
echo "1..$tap_number"
