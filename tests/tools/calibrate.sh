#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures on the wire what processes take of their own, and writes sim/calibration.yaml: plays scenarios/calibration.yaml in
# both worlds, then fits the rows until virtual time says the same. What is asked and what is moved are fitted one after the
# other, each with one scale (for the median) and one spread (for the 95th in a hundred): so little cannot learn a scenario by heart.
#    calibrate.sh [WIRE_RUN]     a wire run of the calibration that is there already is taken instead of a new one
set -e
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wire=$1
if [ -z "$wire" ]; then
    "$BUILD/pont" run scenarios/calibration.yaml --world wire --speed 15 --trace none --progress none --out "$work/wire"
    wire=$work/wire
fi
BUILD=$BUILD WORK=$work WIRE=$wire /usr/bin/python3 - <<'P'
import json, math, os, re, shutil, subprocess
build, work, wire = os.environ["BUILD"], os.environ["WORK"], os.environ["WIRE"]
FILE = "sim/calibration.yaml"
ASKING, MOVING = ("associate", "echo", "find", "answer", "other"), ("move", "store")
ROW = re.compile(r"^  ([a-z0-9]+): \{base: (\d+) us, each: (\d+) us, rate: (\d+) B/s, factors: \[([0-9, ]+)\]\}$", re.M)
text = open(FILE).read()
rows = {m[1]: [int(m[2]), int(m[3]), int(m[4]), [int(x) for x in m[5].split(",")]] for m in ROW.finditer(text)}
first = {name: list(row) for name, row in rows.items()}

def samples(folder):
    """What src/bench/hops.c takes, in us, by sort of hop."""
    open_, out = {}, {"hl7": [], "asking": [], "moving": []}
    for line in open(folder + "/observations.jsonl"):
        o = json.loads(line)
        what = o["observed"]
        if what == "hl7_sent":
            open_[o["actor"], o["other_id"]] = o["at"]
        elif what == "hl7_acked" and (o["actor"], o["other_id"]) in open_:
            out["hl7"].append((o["at"] - open_.pop((o["actor"], o["other_id"]))) / 1e3)
        elif what == "move_received":
            open_.setdefault(("move", o["actor"], o.get("peer"), o.get("study_uid")), []).append(o["at"])
        elif what == "move_answered" and open_.get(("move", o["actor"], o.get("peer"), o.get("study_uid"))):
            out["moving"].append((o["at"] - open_["move", o["actor"], o.get("peer"), o.get("study_uid")].pop(0)) / 1e3)
        elif what == "query_answered":
            out["asking"].append(o["latency_ns"] / 1e3)
    return {sort: sorted(values) for sort, values in out.items()}

def at(values, percent):
    place = (len(values) - 1) * percent / 100
    low = int(place)
    above = values[min(low + 1, len(values) - 1)]
    return values[low] + (above - values[low]) * (place - low)

def write():
    def row(m):
        base, each, rate, factors = rows[m[1]]
        return "  %s: {base: %d us, each: %d us, rate: %d B/s, factors: [%s]}" % (m[1], base, each, rate, ", ".join(str(f) for f in factors))
    open(FILE, "w").write(ROW.sub(row, text))

def play():
    write()
    subprocess.run(["make", "--no-print-directory", "-j2", "BUILD=" + build, "all"], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(work + "/virtual", ignore_errors=True)
    subprocess.run([build + "/pont", "run", "scenarios/calibration.yaml", "--world", "virtual", "--speed", "15", "--trace", "none", "--progress", "none",
                    "--out", work + "/virtual"], stdout=subprocess.DEVNULL)
    return samples(work + "/virtual")

def scale(names, by):
    for name in names:
        rows[name][0] = max(1, round(first[name][0] * by))
        rows[name][1] = round(first[name][1] * by)

# Each 5th in a hundred: between the 90th and the longest there is a straight line is far above what lies there.
NORMAL = [-2.33, -1.64, -1.28, -1.04, -0.84, -0.67, -0.52, -0.39, -0.25, -0.13, 0, 0.13, 0.25, 0.39, 0.52, 0.67, 0.84, 1.04, 1.28, 1.64, 2.33]
def spread(names, sigma):
    for name in names:
        rows[name][3] = [round(1000 * math.exp(sigma * z)) for z in NORMAL]

def fit(names, sort, percent, turn, low, high, geometric):
    """The value between low and high at which virtual time takes what the wire took; the longer the value, the longer it takes."""
    wanted = at(measured[sort], percent)
    for _ in range(8):
        value = math.sqrt(low * high) if geometric else (low + high) / 2
        turn(names, value)
        got = at(play()[sort], percent)
        print("%s p%d: %8.3f gives %9.0f us of %9.0f us" % (sort, percent, value, got, wanted), flush=True)
        if abs(got - wanted) < 0.02 * wanted:
            break
        low, high = (value, high) if got < wanted else (low, value)

measured = samples(wire)
print("measured:", {sort: (len(v), round(at(v, 50)), round(at(v, 95))) for sort, v in measured.items()}, flush=True)
rest = at(play()["hl7"], 50) - rows["hl7"][0] * rows["hl7"][3][len(rows["hl7"][3]) // 2] / 1000   # links
base = max(1.0, at(measured["hl7"], 50) - rest)
rows["hl7"][0] = round(base)
rows["hl7"][3] = [max(1, round(1000 * (at(measured["hl7"], q) - rest) / base)) for q in range(0, 101, 5)]
fit(ASKING, "asking", 50, scale, 0.05, 40, True)
fit(ASKING, "asking", 95, spread, 0, 1.5, False)
fit(MOVING, "moving", 50, scale, 0.02, 40, True)
fit(MOVING, "moving", 95, spread, 0, 1.5, False)
P
