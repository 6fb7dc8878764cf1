#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 300
# What an engine that dies comes to: the same as one that lives on. The story of the quickstart and weeks of the pilot have the same
# outcome_digest however often it dies; in ci-regression, where people who were cut off do not ask again, the same exams are shown
# and every archive gets the same images. And after every single commit an engine restored beside it stands where it stands.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
# A tenth of the pilot. The wall's limit is lifted: a run that it cuts ends where the machine was slow.
pilot() { sed -E "s/length: 365 d/length: $1 d/; s/drain: 7 d/drain: 1 d/; s/\{wall: 5 min\}/{wall: 2 h}/; s/count: 110 k/count: 1 k/; s/(volume: .*default:) 1.0/\1 0.1/" scenarios/pilot-twelve-months.yaml; }
pilot 7 >"$work/week.yaml"
pilot 28 >"$work/weeks.yaml"
play() { # play FOLDER SCENARIO WORDS...: verdicts are no matter here
    "$PONT" run "$2" --world virtual --quiet --trace none --out "$work/$1" "${@:3}" >"$work/$1.out" 2>&1
    test -s "$work/$1/results.json" || cat "$work/$1.out"
}
# say FOLDER EXPRESSION...: of `r`, the results; `deaths`, `restored`; `wrong`, what was violated; `lives` of a run without
say() { /usr/bin/python3 - "$work/$1/results.json" "$2" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
deaths = r["resources"]["engine"]["lives"] - 1
restored = sum(i["checked"] for i in r["invariants"] if i["id"] == "restore-is-exact")
wrong = [i["id"] for i in r["invariants"] if i["violations"]] + ([r["error"]] if "error" in r else [])
print(eval(sys.argv[2]))
P
}
is() { test "$(say "$1" "$2")" = "$3" || { echo "$2 of $1: $(say "$1" "$2"), not $3"; false; }; }
# What was shown to the watcher, and what arrived where; viewers ask by themselves, so theirs may lack what was asked in vain.
same_shown() { /usr/bin/python3 - "$work/$1/observations.jsonl" "$work/$2/observations.jsonl" <<'P'
import json, sys
def read(path):
    shown, arrived = set(), set()
    for line in open(path):
        o = json.loads(line)
        if o["observed"] == "watched" and o.get("flag"):
            shown.add((o["issuer"], o["accession"]))
        elif o["observed"] == "delivered":
            base, last = o["sop_uid"].rsplit(".", 1)
            arrived |= {(o["actor"], base, int(last) + i) for i in range(max(1, o.get("span", 1)))}
    return shown, arrived
(shown, arrived), (shown_too, arrived_too) = read(sys.argv[1]), read(sys.argv[2])
assert len(shown) > 50 and len(arrived) > 100, "that is no run"
assert shown == shown_too, shown ^ shown_too
assert arrived_too <= arrived, arrived_too - arrived
lost = arrived - arrived_too
assert all(node.startswith("ws_") for node, _, _ in lost), lost
assert len(lost) * 4 <= len(arrived), "hardly anything arrived"
P
}
play quickstart scenarios/quickstart.yaml
stories=$(say quickstart deaths)
for every in 200 50 25; do # at one in 25 a question waits until the PACS that was away is back: it is answered otherwise
    play "quickstart.$every" scenarios/quickstart.yaml --crash-every $every
    tap "quickstart: one_death_in_${every}_commits_breaks_nothing" is "quickstart.$every" wrong "[]"
    tap "quickstart: there_were_more_deaths_than_the_story_tells" test "$(say "quickstart.$every" deaths)" -gt "$stories"
    tap "quickstart: the_same_is_shown_and_archived" same_shown quickstart "quickstart.$every"
    [ $every = 25 ] || tap "quickstart: and_it_comes_to_the_same" is "quickstart.$every" 'r["outcome_digest"]' "$(say quickstart 'r["outcome_digest"]')"
done
for seed in 1 2 3; do
    play "ci$seed" scenarios/ci-regression.yaml --seed $seed
    for every in 1000 100; do
        play "ci$seed.$every" scenarios/ci-regression.yaml --seed $seed --crash-every $every
        tap "ci-regression, seed $seed: one_death_in_${every}_breaks_nothing" is "ci$seed.$every" wrong "[]"
        tap "ci-regression, seed $seed: the_same_is_shown_and_archived" same_shown "ci$seed" "ci$seed.$every"
    done
done
play week "$work/week.yaml"
play week.100 "$work/week.yaml" --crash-every 100
tap "a_week: one_death_in_100_commits_breaks_nothing" is week.100 wrong "[]"
tap "a_week: there_were_many" test "$(say week.100 deaths)" -ge 100
tap "a_week: and_it_comes_to_the_same" is week.100 'r["outcome_digest"]' "$(say week 'r["outcome_digest"]')"
play weeks "$work/weeks.yaml"
play weeks.1000 "$work/weeks.yaml" --crash-every 1000
tap "four_weeks: one_death_in_1000_commits_breaks_nothing" is weeks.1000 wrong "[]"
tap "four_weeks: and_it_comes_to_the_same" is weeks.1000 'r["outcome_digest"]' "$(say weeks 'r["outcome_digest"]')"
echo "# deaths: $(say week.100 deaths) in a week, $(say weeks.1000 deaths) in four"
# Restored beside it: nobody dies, so the history is the same to the last event.
play beside.q scenarios/quickstart.yaml --restore-every 1
play ci scenarios/ci-regression.yaml
play beside.ci scenarios/ci-regression.yaml --restore-every 1
play beside.week "$work/week.yaml" --restore-every 10
restored() { tap "$1: what_is_restored_beside_it_is_exact" is "$1" wrong "[]" && tap "$1: after_many_commits" test "$(say "$1" restored)" -ge "$3" &&
    tap "$1: and_nothing_is_disturbed" is "$1" 'r["trace_hash"]' "$(say "$2" 'r["trace_hash"]')"; }
restored beside.q quickstart 500
restored beside.ci ci 2000
restored beside.week week 400
echo "# restored: $(say beside.q restored), $(say beside.ci restored) and $(say beside.week restored) times"
tap "what_dies_at_each_of_its_commits_is_refused" eval '! "$PONT" run scenarios/quickstart.yaml --world virtual --crash-every 1 --out "$work/never" --quiet'
tap "one_that_is_refused_leaves_nothing" test ! -e "$work/never"
echo "1..$tap_number"
