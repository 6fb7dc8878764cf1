#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 60
# What must not matter does not, and what must help never harms: the same world written otherwise, moved by four weeks, with other
# names, with somebody who takes no part, with faster lines, without its faults.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
base=scenarios/broken/trouble.yaml
cat >"$work/tool.py" <<'P'
import json, sys
def results(name):
    return json.load(open(f"{sys.argv[1]}/{name}/results.json"))
def without(name, *keys):
    r = results(name)
    for key in ("scenario", "resources", "build", *keys):
        r.pop(key, None)
    r["time"].pop("wall_s")
    return r
def same(a, b, what):
    assert a == b, (what, a, b)
P
change() { /usr/bin/python3 - "$1" >"$work/$2.yaml" || return 1; } # change FILE NAME: the program on stdin prints the new text
play() { # play NAME OPTIONS...
    local name=$1
    shift
    "$PONT" run "$work/$name.yaml" --world virtual --out "$work/$name" --quiet --trace none "$@" >"$work/$name.out" 2>&1
    case $? in 0 | 1 | 4) test -s "$work/$name/results.json" ;; *) return 1 ;; esac # 4: without faults some rule has no case
}
check() { /usr/bin/python3 -c "exec(open('$work/tool.py').read())
$2" "$work"; }
cp $base "$work/base.yaml"
tap "the_world_as_it_is_plays" play base --seed 5

change $base otherwise <<'P'
import re, sys
text = "\n".join(line for line in open(sys.argv[1]).read().split("\n") if not line.startswith("#"))
text = re.sub(r" +#.*", "", text)
parts = re.split(r"^(?=[a-z]+:)", text, flags=re.M)
print("# written otherwise\n" + "\n\n".join(parts[:2] + parts[:1:-1]))   # comments away, sections the other way round
P
tap "comments_and_the_order_of_sections_do_not_matter" eval 'play otherwise --seed 5 && check x "same(without(\"base\"), without(\"otherwise\"), \"results\")"'

change $base shuffled <<'P'
import re, sys
text = open(sys.argv[1]).read()
faults = re.search(r"^faults:\n((?:  .*\n)+)", text, flags=re.M)
lines = faults.group(1).rstrip("\n").split("\n")
text = text.replace(faults.group(1), "\n".join(reversed(lines)) + "\n")
always = re.search(r"always: \[((?:.|\n)*?)\]", text).group(1)
print(text.replace(always, ", ".join(sorted(word.strip() for word in always.split(",")))))
P
tap "the_order_of_faults_and_of_expectations_does_not_matter" eval 'play shuffled --seed 5 && check x "
for r in (\"counts\", \"latency_ms\", \"invariants\"): same(results(\"base\")[r], results(\"shuffled\")[r], r)"'

sed 's/\bws_s\b/reading_room/g; s/South/Nowhere/' $base >"$work/renamed.yaml"
tap "names_of_nodes_and_sites_do_not_matter" eval 'play renamed --seed 5 && check x "
for r in (\"counts\", \"latency_ms\", \"invariants\"): same(results(\"base\")[r], results(\"renamed\")[r], r)
same(results(\"base\")[\"time\"][\"events\"], results(\"renamed\")[\"time\"][\"events\"], \"events\")"'

sed 's/"2010-03-01T/"2010-02-01T/' $base >"$work/earlier.yaml"
tap "four_weeks_earlier_in_the_same_season_everything_happens_alike" eval 'play earlier --seed 5 && check x "
for r in (\"counts\", \"latency_ms\", \"invariants\"): same(results(\"base\")[r], results(\"earlier\")[r], r)"'

sed 's/rate: 100 Mbit.s/rate: 1 Gbit\/s/' $base >"$work/faster.yaml"
tap "faster_lines_make_nothing_later" eval 'play faster --seed 5 && check x "
a, b = results(\"base\"), results(\"faster\")
same(a[\"counts\"][\"published\"] <= b[\"counts\"][\"published\"], True, \"published\")
for kind in (\"retrieve\", \"first_image\"):
    for q in (\"p50\", \"p95\"):
        assert b[\"latency_ms\"][kind][q] <= a[\"latency_ms\"][kind][q] * 1.001, (kind, q, a[\"latency_ms\"], b[\"latency_ms\"])"'

sed '/^faults:/,/^expect:/{/^expect:/!d}' $base >"$work/calm.yaml"
tap "without_its_faults_nothing_new_is_violated" eval 'play calm --seed 5 && check x "
a, b = results(\"base\"), results(\"calm\")
bad = lambda r: {i[\"id\"] for i in r[\"invariants\"] if i[\"violations\"] > 0}
assert bad(b) <= bad(a), (bad(a), bad(b))
assert b[\"counts\"][\"queries_partial\"] == 0, b[\"counts\"]
assert b[\"counts\"][\"transfers_failed\"] == 0, b[\"counts\"]"'

cp scenarios/quickstart.yaml "$work/quick.yaml"
sed '/^people:/a\  bystander: {name: Nobody^Ann, born: 1950-01-01, sex: F, nhs: "9990009996", numbers: {gwent: "70001"}}' scenarios/quickstart.yaml >"$work/bystander.yaml"
tap "somebody_who_takes_no_part_changes_nothing_but_the_messages_of_herself" eval 'play quick --seed 5 && play bystander --seed 5 && check x "
a, b = results(\"quick\"), results(\"bystander\")
b[\"counts\"][\"hl7_messages\"] = a[\"counts\"][\"hl7_messages\"]
same(a[\"counts\"], b[\"counts\"], \"counts\")
same([i[\"violations\"] for i in a[\"invariants\"]], [i[\"violations\"] for i in b[\"invariants\"]], \"violations\")"'
tap "alone_and_in_a_sweep_a_seed_is_the_same" eval '"$PONT" sweep $base --seeds 4..6 --jobs 2 --out "$work/sweep" --quiet >/dev/null; cp "$work/sweep/seeds/base/5.json" "$work/sweep/results.json" && check x "
same(results(\"base\")[\"trace_hash\"], results(\"sweep\")[\"trace_hash\"], \"trace hash\")"'
echo "1..$tap_number"
