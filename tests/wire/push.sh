#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 120
# A modality pushes with storescu; the engine is killed with kill -9 in the middle. What it had acknowledged is at home in the end.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
images=300
cat >"$work/push.yaml" <<'Y'
pont: 1
scenario: {id: push, title: A modality stores to the engine}
run: {world: wire, seed: 7, clock: {start: "2010-03-01T08:00", zone: Europe/London}, limits: {wall: 2 min}}
sites:
  cardiff: {name: Cardiff and Vale, issuer: CAV, accession: CAV}
nodes:
  pacs_uhw: {site: cardiff, kind: pacs, vendor: plain}
  ct_uhw:   {site: cardiff, kind: viewer, pushes: true}
  ws_uhw:   {site: cardiff, kind: viewer}
  watcher:  {site: cardiff, kind: viewer}
  radis2:   {site: cardiff, kind: ris}
  hub:      {site: cardiff, kind: engine}
people:
  woman: {name: Price^Megan, born: 1958-04-11, sex: F, nhs: "9990000018", numbers: {cardiff: C624723}}
studies:
  old:    {person: woman, at: pacs_uhw, modality: CR, date: 2009-06-02, region: CHEST, procedure: XCHES, text: Chest X-ray, images: 1}
  pushed: {person: woman, at: pacs_uhw, modality: CT, date: 2010-03-01, region: CHEST, procedure: CCHES, text: CT chest, images: 1, planned: true,
           uid: 2.25.3141592653589793238462643383279, accession: CAV700001}
story:
  - {id: order,    after: {event: watched, count: history}, radis2: {order: {study: pushed}}}
  - {id: complete, radis2: {complete: {study: pushed}}}
  - {id: kill,     after: {event: delivered, node: pacs_uhw, nth: 20}, hub: {kill: {}}}
  - {id: back,     after: {event: restarted, node: hub}}
Y
mkdir "$work/files"
for i in $(seq "$images"); do
    cat >"$work/one.dump" <<D
(0008,0005) CS [ISO_IR 100]
(0008,0016) UI =CTImageStorage
(0008,0018) UI [2.25.31415926535897932384626.$i]
(0008,0020) DA [20100301]
(0008,0030) TM [090000]
(0008,0050) SH [CAV700001]
(0008,0060) CS [CT]
(0010,0010) PN [Price^Megan]
(0010,0020) LO [C624723]
(0010,0021) LO [CAV]
(0010,0030) DA [19580411]
(0010,0040) CS [F]
(0020,000d) UI [2.25.3141592653589793238462643383279]
(0020,000e) UI [2.25.27182818284590452353602874713]
(0020,0010) SH [1]
(0020,0011) IS [1]
(0020,0013) IS [$i]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US 2
(0028,0011) US 2
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 0
(7fe0,0010) OW $(printf '%04x' "$i")\\0001\\0002\\0003
D
    dump2dcm -q +te "$work/one.dump" "$work/files/$(printf '%04d' "$i").dcm" || exit 1
done
world "$work/push.yaml" --play || { cat "$work/world.out" >&2; echo "not ok 1 - the world comes up"; exit 1; }
host=$(sheet "s['engine']['host']") port=$(sheet "s['engine']['port']") aet=$(sheet "s['engine']['aet']")
home_port=$(sheet "[n['port'] for n in s['nodes'] if n['name'] == 'pacs_uhw'][0]")
find_images() { # find_images AET PORT
    findscu -S -aet WS_UHW -aec "$1" -k QueryRetrieveLevel=IMAGE -k StudyInstanceUID=2.25.3141592653589793238462643383279 \
        -k SeriesInstanceUID=2.25.27182818284590452353602874713 -k SOPInstanceUID "$host" "$2" 2>&1 | tr -d '\0' | grep -aoE '\(0008,0018\) UI \[2[0-9.]+' | grep -oE '[0-9]+$' | sort -n
}
tap "who_may_not_push_is_refused" bash -c '! storescu -aet WS_UHW -aec "$0" "$1" "$2" "$3"' "$aet" "$host" "$port" "$work/files/0001.dcm"
storescu -v -aet CT_UHW -aec "$aet" "$host" "$port" +sd "$work/files" >"$work/push.out" 2>&1
killed=$?
acknowledged=$(grep -c 'Received Store Response (Success)' "$work/push.out")
tap "the_engine_died_in_mid_push" bash -c 'test "$0" != 0 -a "$1" -gt 0 -a "$1" -lt "$2"' "$killed" "$acknowledged" "$images"
await 30 echoscu -aet CT_UHW -aec "$aet" "$host" "$port"
awk '/Sending file/ {file = $NF} /Store Response \(Success\)/ {sub(".*/", "", file); print file + 0}' "$work/push.out" >"$work/want"
there() { find_images PACS_UHW "$home_port" >"$work/home"; comm -23 <(sort "$work/want") <(sort "$work/home") | head; test -z "$(comm -23 <(sort "$work/want") <(sort "$work/home"))"; }
tap "what_was_acknowledged_before_the_kill_reaches_its_home" await 60 there
storescu -v -aet CT_UHW -aec "$aet" "$host" "$port" +sd "$work/files" >"$work/push.out" 2>&1
tap "pushed_again_everything_is_acknowledged" test "$(grep -c 'Received Store Response (Success)' "$work/push.out")" = "$images"
seq "$images" >"$work/want"
tap "and_reaches_its_home" await 60 there
tap "each_image_is_there_once" test "$(find_images PACS_UHW "$home_port" | wc -l)" = "$images"
spool_is_empty() { test "$(sqlite3 "file:$world_folder/registry.db?mode=ro" 'SELECT count(*) FROM spooled')" = 0 && test -z "$(ls "$world_folder/spool")"; }
tap "the_spool_is_empty_then" await 30 spool_is_empty
published() { test "$(sqlite3 "file:$world_folder/registry.db?mode=ro" "SELECT count(*) FROM exam JOIN study ON exam.study = study.id WHERE exam.accession = 'CAV700001' AND published_at > 0 AND instance_count = $images")" = 1; }
tap "its_examination_is_published_with_every_image" await 60 published
tap "and_found_through_the_engine_by_accession" bash -c 'findscu -S -aet WS_UHW -aec "$0" -k QueryRetrieveLevel=STUDY -k AccessionNumber=CAV700001 -k StudyInstanceUID -k PatientID "$1" "$2" 2>&1 | tr -d "\0" | grep -a "2.25.3141592653589793238462643383279"' "$aet" "$host" "$port"
tap "each_push_was_audited" bash -c 'test "$(sqlite3 "file:$0?mode=ro" "SELECT count(*) FROM audit WHERE event = '"'STORE'"'")" = 2' "$world_folder/registry.db"
echo "1..$tap_number"
