#!/bin/bash
# SPDX-License-Identifier: MIT
# Virtual time, measured: the bare queue beside a 4-ary heap; M/M/10 beside SimPy, the two interleaved; engine, models and judge
# together in two weeks of the pilot; ten years beside one, with few patients; instructions an event. Ratios are what to look at:
# seconds are this machine's.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
echo "queue, millions of events a second of CPU"
"$BUILD/bench/queue_bench"
echo
/usr/bin/python3 - "$BUILD" <<'P'
import statistics, subprocess, sys
def customers_a_second(*command):
    served, events, took, mean = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(served) / float(took)
ours, theirs = [], []
for _ in range(5):
    ours.append(customers_a_second(sys.argv[1] + "/bench/mm10_bench", "1000000"))
    theirs.append(customers_a_second("/usr/bin/python3", "tests/bench/mm10.py", "50000"))
a, b = statistics.median(ours), statistics.median(theirs)
print(f"M/M/10 at a load of 0.9: {a:,.0f} customers a second of CPU, SimPy {b:,.0f}, ratio {a / b:.1f}")
P
cut() { # cut DAYS: the pilot, so long
    sed "s/length: 365 d}/length: $1 d}/" scenarios/pilot-twelve-months.yaml >"$work/pilot-$1.yaml"
    grep -q "length: $1 d}" "$work/pilot-$1.yaml"
}
played() { # played NAME DAYS OPTION...: events, seconds of CPU, MiB
    local name=$1 days=$2
    shift 2
    cut "$days" || { echo "the pilot says its length otherwise" >&2; return 1; }
    /usr/bin/python3 - "$PONT" "$work/pilot-$days.yaml" "$work/$name" "$@" <<'P'
import json, resource, subprocess, sys
subprocess.run([sys.argv[1], "run", sys.argv[2], "--out", sys.argv[3], "--trace", "none", "--quiet", *sys.argv[4:]], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
events = json.load(open(sys.argv[3] + "/results.json"))["time"]["events"]
print(events, f"{used.ru_utime + used.ru_stime:.2f}", used.ru_maxrss // 1024)
P
}
read -r events cpu mib < <(played weeks 14)
echo "two weeks of the pilot: $events events in $cpu s of CPU ($(/usr/bin/python3 -c "print(f'{$events / $cpu / 1e6:.2f}')") M events/s), $mib MiB"
read -r one_events one _ < <(played year 365 --set volume=0.02)
read -r ten_events ten _ < <(played years 3650 --set volume=0.02)
/usr/bin/python3 -c "print(f'a year with a fiftieth of the patients: $one_events events in $one s; ten years: $ten_events events in $ten s; ratio {$ten / $one:.1f} (goal 10.5)')"
BUILD=$BUILD tests/virtual/instructions.sh | grep -E "^#|^not"
