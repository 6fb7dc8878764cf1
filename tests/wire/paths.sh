#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 60
# The paths of a transfer on the wire: straight from holder to destination, relayed, proven by list and by commitment.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
run=$work/run
tap "the_story_passes" "$PONT" run scenarios/three-paths.yaml --out "$run" --progress none
rows() { sqlite3 "$run/registry.db" "SELECT count(*) FROM demand JOIN study ON study.id = demand.study WHERE demand.state = 4 AND demand.delivered = demand.wanted AND $1"; }
# state.h: DEMAND_DONE 4; PATH_RELAY 1, PATH_DIRECT 2; PROOF_LIST 1, PROOF_COMMITMENT 2.
is() { test "$(rows "$1")" = 1; }
tap "one_goes_straight_and_is_proven_by_list" is "path = 2 AND proof = 1 AND destination = 'pacs_llandough'"
tap "one_goes_straight_and_is_proven_by_commitment" is "path = 2 AND proof = 2 AND destination = 'pacs_rookwood'"
tap "one_is_relayed_and_proven_by_list" is "path = 1 AND proof = 1 AND destination = 'pacs_llandough'"
tap "one_is_relayed_and_proven_by_commitment" is "path = 1 AND proof = 2 AND destination = 'pacs_rookwood'"
# The destination saw the holder's title on what came straight, ours on what was relayed.
sender() { grep -a "\"observed\":\"delivered\".*\"actor\":\"$1\",\"peer\":\"$2\"" "$run/observations.jsonl" | wc -l; }
tap "what_went_straight_came_from_the_holder" bash -c 'test "$0" = 2 -a "$1" = 2' "$(sender pacs_llandough PACS_UHW)" "$(sender pacs_rookwood PACS_UHW)"
tap "what_was_relayed_came_from_the_engine" bash -c 'test "$0" = 24 -a "$1" = 24' "$(sender pacs_llandough PONT)" "$(sender pacs_rookwood PONT)"
echo "1..$tap_number"
