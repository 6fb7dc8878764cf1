#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 240
# A customer with DCMTK's tools and the printed sheet: echo, find, move; byte-correct images, the namesake never.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
world scenarios/quickstart.yaml || { cat "$work/world.out" >&2; echo "not ok 1 - the world comes up"; exit 1; }
host=$(sheet "s['engine']['host']") port=$(sheet "s['engine']['port']") aet=$(sheet "s['engine']['aet']")
client=$(sheet "s['clients'][0]['aet']") client_port=$(sheet "s['clients'][0]['port']")
nhs=$(sheet "[p['nhs_number'] for p in s['people'] if p['id'] == 'woman'][0]")
studies=$(sheet "[p['studies'] for p in s['people'] if p['id'] == 'woman'][0]")
other=$(sheet "[p['nhs_number'] for p in s['people'] if p['id'] == 'namesake'][0]")
find_rows() { findscu -S -aet "$client" -aec "$aet" -k QueryRetrieveLevel=STUDY -k PatientID="$1" -k StudyInstanceUID -k PatientName -k AccessionNumber -k ModalitiesInStudy "$host" "$port" 2>&1; }
tap "echoscu_is_answered" echoscu -aet "$client" -aec "$aet" "$host" "$port"
tap "a_wrong_called_title_is_rejected" bash -c '! echoscu -aet "$0" -aec NOSUCH "$1" "$2"' "$client" "$host" "$port"
tap "an_unknown_calling_title_is_rejected" bash -c '! echoscu -aet STRANGER -aec "$0" "$1" "$2"' "$aet" "$host" "$port"
find_rows "$nhs" >"$work/find"
grep -aoE '\(0020,000d\) UI \[[0-9.]+' "$work/find" | grep -oE '[0-9.]+$' | sort >"$work/uids"
tap "every_study_of_hers_is_one_row" bash -c 'test "$(wc -l <"$0")" = "$1" && test "$(sort -u "$0" | wc -l)" = "$1" || { cat "$2"; exit 1; }' "$work/uids" "$studies" "$work/find"
find_rows "$other" | grep -aoE '\(0020,000d\) UI \[[0-9.]+' | grep -oE '[0-9.]+$' | sort >"$work/other"
tap "the_namesake_has_rows_of_her_own" test -s "$work/other"
tap "none_of_them_is_among_hers" bash -c '! comm -12 "$0" "$1" | grep -q .' "$work/uids" "$work/other"
mkdir "$work/in"
storescp -aet "$client" -od "$work/in" +xa "$client_port" >"$work/scp" 2>&1 &
tap_children+=($!)
await 20 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$client_port"
while read -r uid; do
    movescu -S -aet "$client" -aec "$aet" -aem "$client" -k QueryRetrieveLevel=STUDY -k StudyInstanceUID="$uid" "$host" "$port" >>"$work/move" 2>&1 || echo "$uid" >>"$work/failed"
done <"$work/uids"
tap "movescu_succeeds_for_each" bash -c 'test ! -s "$0" || { cat "$0" "$1"; exit 1; }' "$work/failed" "$work/move"
cat >"$work/compare.py" <<'P'
import csv, os, subprocess, sys
truth, folder, uids, pont = sys.argv[1], sys.argv[2], set(open(sys.argv[3]).read().split()), sys.argv[4]
want = {r["sop_instance_uid"]: r for r in csv.DictReader(open(truth)) if r["study"] in uids}
got = {}
for name in os.listdir(folder):
    out = subprocess.run([pont, "node", "plain", "--digest", os.path.join(folder, name)], capture_output=True, text=True).stdout
    fields = dict(line.split(None, 1) for line in out.splitlines() if line.strip())
    got[fields["sop_instance_uid"].strip()] = fields
missing = set(want) - set(got)
extra = set(got) - set(want)
wrong = [u for u in want if u in got and any(got[u][k].strip() != want[u][k] for k in ("pixel_sha256", "dataset_sha256"))]
print(len(want), "wanted", len(got), "got; missing", sorted(missing)[:5], "extra", sorted(extra)[:5], "wrong", wrong[:5])
sys.exit(bool(missing or extra or wrong or not want))
P
tap "what_arrived_is_byte_correct" /usr/bin/python3 "$work/compare.py" "$world_folder/truth.csv" "$work/in" "$work/uids" "$PONT"
tap "an_unknown_destination_is_a801" bash -c 'movescu -d -S -aet "$0" -aec "$1" -aem NOWHERE -k QueryRetrieveLevel=STUDY -k StudyInstanceUID="$(head -1 "$4")" "$2" "$3" 2>&1 | grep -qi "a801"' "$client" "$aet" "$host" "$port" "$work/uids"
echo "1..$tap_number"
