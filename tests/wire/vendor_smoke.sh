#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 60
# Each emulated product alone, with DCMTK's tools: it answers an echo, finds a patient's studies as its quirks have it, and sends a
# study of which every instance has the digests that the node says it must have.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
cat >"$work/smoke.py" <<'P'
import collections, json, os, re, socket, subprocess, sys
pont, work, vendor = sys.argv[1:4]

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

# What differs from the plain product: the id as it files it, how often a study is listed, how many moves until one sends.
ids = {"carestream": "0000100000"}
rows = collections.defaultdict(lambda: 1, ferrania=2)
tries = collections.defaultdict(lambda: 1, insignia=2)

sink_port, folder = free_port(), os.path.join(work, vendor)
os.makedirs(folder)
seen = open(os.path.join(work, vendor + ".jsonl"), "w+b")
node = subprocess.Popen([pont, "node", vendor, "--port", "0", "--studies", "12", "--seed", "5", "--observe", str(seen.fileno()),
                         "--peers", "PROBE@127.0.0.1:%d" % sink_port], stdout=subprocess.PIPE, text=True, pass_fds=[seen.fileno()])
sink = subprocess.Popen(["storescp", "-aet", "PROBE", "-od", folder, str(sink_port)])
try:
    aet, host, port = re.match(r"(\S+)@([\d.]+):(\d+)", node.stdout.readline()).groups()
    def tool(name, *arguments):
        run = subprocess.run([name, *arguments], capture_output=True, timeout=60)
        return (run.stdout + run.stderr).decode("latin-1"), run.returncode
    while tool("echoscu", "-aec", "PROBE", "127.0.0.1", str(sink_port))[1] != 0:
        assert sink.poll() is None
    said, code = tool("echoscu", "-aet", "PROBE", "-aec", aet, host, port)
    assert code == 0, said
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=" + ids.get(vendor, "100000"), "-k", "StudyInstanceUID", "-k", "StudyDate"]
    said, code = tool("findscu", "-S", "-xi", "-aet", "PROBE", "-aec", aet, *keys, host, port)
    uids = re.findall(r"\(0020,000d\) UI \[([0-9.]+)", said)
    assert len(set(uids)) == 3 and len(uids) == 3 * rows[vendor], said
    for _ in range(tries[vendor]):
        assert not os.listdir(folder), "the first move sent something"
        said, code = tool("movescu", "-S", "-xi", "-aet", "PROBE", "-aec", aet, "-aem", "PROBE", "-k", "QueryRetrieveLevel=STUDY",
                          "-k", "StudyInstanceUID=" + uids[0], host, port)
        assert code == 0, said
finally:
    node.terminate()
    sink.terminate()
    node.wait()
    sink.wait()
truth = {}
for line in open(seen.name, errors="replace"):
    one = json.loads(line)
    if one["observed"] == "truth_instance" and one["study_uid"] == uids[0]:
        truth[one["sop_uid"]] = one
got = {}
for name in os.listdir(folder):
    said = subprocess.run([pont, "node", "--digest", os.path.join(folder, name)], capture_output=True, text=True).stdout
    fields = dict(line.split(None, 1) for line in said.splitlines())
    got[fields["sop_instance_uid"]] = fields
assert truth and set(got) == set(truth), (len(truth), len(got))
assert all(got[u]["dataset_sha256"] == truth[u]["dataset_sha256"] and got[u]["pixel_sha256"] == truth[u]["pixel_sha256"] for u in truth)
P
for vendor in fuji agfa insignia carestream ge ferrania plain; do
    tap "${vendor}_answers_finds_and_sends_what_it_says_it_holds" /usr/bin/python3 "$work/smoke.py" "$PONT" "$work" "$vendor"
done
echo "1..$tap_number"
