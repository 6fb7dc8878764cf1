#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 180
# A hundred half-sent association requests are held open; an echo must not wait for them, and they must go at their deadline.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
world scenarios/quickstart.yaml || { cat "$work/world.out" >&2; echo "not ok 1 - the world comes up"; exit 1; }
client=$(sheet "s['clients'][0]['aet']")
try() { # try NAME AET PORT
    /usr/bin/python3 - "$2" "$3" "$client" >"$work/laggards" 2>&1 <<'P'
import select, socket, subprocess, sys
aet, port, client = sys.argv[1], int(sys.argv[2]), sys.argv[3]
held = []
for _ in range(100):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(bytes([1, 0, 0, 0, 0, 200, 0, 1]) + b"\0\0" + aet.ljust(16).encode() + b"HALF".ljust(16)) # the head promises 200 bytes
    held.append(s)
echo = subprocess.run(["echoscu", "-ta", "5", "-td", "5", "-aet", client, "-aec", aet, "127.0.0.1", str(port)], capture_output=True, text=True, timeout=20)
print("echo", echo.returncode, echo.stderr)
open_now = set(held)
while open_now: # each must be closed by the other side: wait for that event, at most half a minute
    ready, _, _ = select.select(list(open_now), [], [], 30)
    if not ready:
        print(len(open_now), "are still open"); sys.exit(2)
    for s in ready:
        try:
            data = s.recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            open_now.discard(s)
sys.exit(echo.returncode)
P
    tap "$1" bash -c 'test "$0" = 0 || { cat "$1"; exit 1; }' $? "$work/laggards"
}
try "the_engine_answers_an_echo_and_drops_the_laggards" "$(sheet "s['engine']['aet']")" "$(sheet "s['engine']['port']")"
node="[n for n in s['nodes'] if n['vendor'] == 'agfa'][0]"
try "a_node_answers_an_echo_and_drops_the_laggards" "$(sheet "${node}['aet']")" "$(sheet "${node}['port']")"
tap "the_engine_still_answers" echoscu -aet "$client" -aec "$(sheet "s['engine']['aet']")" 127.0.0.1 "$(sheet "s['engine']['port']")"
echo "1..$tap_number"
