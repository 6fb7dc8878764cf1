#!/bin/bash
# SPDX-License-Identifier: MIT
# Ratios, measured in one run, the two ways interleaved: asking and moving through the engine against asking and moving at the
# PACS itself. Both ends are Pont's, so no peer's Nagle setting is in the figures. Medians of 7; absolute times are this machine's.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
world scenarios/quickstart.yaml || { cat "$work/world.out" >&2; exit 3; }
mkdir "$work/in"
/usr/bin/python3 - "$sheet" "$work/in" <<'P'
import statistics, subprocess, sys, time, yaml
sheet = yaml.safe_load(open(sys.argv[1]))
engine, client = sheet["engine"], sheet["clients"][0]
node = next(n for n in sheet["nodes"] if n["vendor"] == "carestream")
woman = next(p for p in sheet["people"] if p["id"] == "woman")

def run(*command):
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return time.monotonic() - begun, done.stdout + done.stderr

def ask(peer, key):
    return run("findscu", "-S", "-aet", client["aet"], "-aec", peer["aet"], "-k", "QueryRetrieveLevel=STUDY", "-k", key, "-k", "StudyInstanceUID", peer["host"], str(peer["port"]))

rows = ask(node, "PatientID=0040018586")[1]
uid = rows.split("(0020,000d) UI [")[1].split("]")[0].strip()

def move(peer):
    return run("movescu", "-S", "-aet", client["aet"], "-aec", peer["aet"], "-aem", client["aet"], "--port", str(client["port"]), "-od", sys.argv[2], "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" + uid, peer["host"], str(peer["port"]))

ways = {"find": (lambda: ask(node, "PatientID=0040018586"), lambda: ask(engine, "PatientID=" + woman["nhs_number"])), "move": (lambda: move(node), lambda: move(engine))}
for name, (direct, through) in ways.items():
    times = ([], [])
    for _ in range(8):
        times[0].append(direct()[0])
        times[1].append(through()[0])
    a, b = (statistics.median(t[1:]) for t in times) # the first of each warms up
    print(f"{name}: at the PACS {a * 1000:.0f} ms, through the engine {b * 1000:.0f} ms, ratio {b / a:.2f}")
P
