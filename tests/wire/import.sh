#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 600
# python3-pydicom's test files, served by two nodes and federated: found by Study UID through the engine, byte-correct on arrival.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
files=$(/usr/bin/python3 -c 'import os, pydicom.data; print(os.path.join(os.path.dirname(pydicom.data.__file__), "test_files"))')
mkdir "$work/a" "$work/b"
i=0
for f in $(cd "$files" && find . -type f -name '*.dcm' -o -type f ! -name '*.*' | sort); do
    i=$((i + 1))
    cp "$files/$f" "$work/$([ $((i % 2)) = 0 ] && echo a || echo b)/$(echo "${f#./}" | tr '/' '_')"
done
sed "s|IMPORT_A|$work/a|; s|IMPORT_B|$work/b|" scenarios/import.yaml >"$work/import.yaml"
world "$work/import.yaml" || { cat "$work/world.out" >&2; echo "not ok 1 - the world comes up"; exit 1; }
cat >"$work/check.py" <<'P'
import csv, os, re, subprocess, sys, yaml
work, pont, sheet = sys.argv[1], sys.argv[2], yaml.safe_load(open(sys.argv[3]))
e, c = sheet["engine"], sheet["clients"][0]
truth = list(csv.DictReader(open(sheet["truth"])))
studies = sorted({r["study"] for r in truth})
os.makedirs(work + "/in")
scp = subprocess.Popen(["storescp", "-aet", c["aet"], "-od", work + "/in", "+xa", "+B", "+uf", str(c["port"])])
bad = []
for uid in studies:
    common = ["-S", "-aet", c["aet"], "-aec", e["aet"]]
    find = subprocess.run(["findscu", *common, "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" + uid, e["host"], str(e["port"])], capture_output=True, text=True)
    if uid not in find.stdout + find.stderr:
        bad.append(("not found", uid))
        continue
    move = subprocess.run(["movescu", *common, "-aem", c["aet"], "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" + uid, e["host"], str(e["port"])], capture_output=True, text=True)
    if move.returncode != 0:
        bad.append(("not moved", uid, (move.stdout + move.stderr)[-300:]))
scp.terminate(); scp.wait()
got = {}
for name in os.listdir(work + "/in"):
    out = subprocess.run([pont, "node", "plain", "--digest", work + "/in/" + name], capture_output=True, text=True).stdout
    f = dict(l.split(None, 1) for l in out.splitlines() if l.strip())
    got[f.get("sop_instance_uid", name).strip()] = f
for r in truth:
    if not os.path.isfile(r["file"]):
        bad.append(("no such file", r["file"]))
held = {} # some UIDs stand in both archives with other bytes: one of them arrives, whole
for r in truth:
    held.setdefault(r["sop_instance_uid"], []).append((r["pixel_sha256"], r["dataset_sha256"]))
for uid, copies in held.items():
    f = got.get(uid)
    if f is None:
        bad.append(("missing", uid))
    elif (f["pixel_sha256"].strip(), f["dataset_sha256"].strip()) not in copies:
        bad.append(("other bytes", uid))
print(len(studies), "studies", len(truth), "files", len(held), "instances", len(got), "arrived")
for b in bad[:40]:
    print(*b)
sys.exit(bool(bad) or not truth)
P
tap "every_file_with_uids_is_found_and_arrives_byte_correct" /usr/bin/python3 "$work/check.py" "$work" "$PONT" "$sheet"
counts() { cat "$world_folder"/log-pacs_*.txt | awk '/^imported/ {i += $2; r += $4; d += $6} END {print i + 0, r + 0, d + 0}'; }
tap "files_are_served_refused_or_doubled_and_all_are_counted" bash -c 'set -- $1 $2; test $(($1 + $2 + $3)) = "$4" || { echo "$*"; exit 1; }' _ "$(counts)" "$i"
tap "each_refusal_has_its_reason" bash -c 'grep -h ^refused "$0"/log-pacs_*.txt | grep -vE "refused [^:]+: .{6,}" && exit 1 || exit 0' "$world_folder"
echo "1..$tap_number"
