#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 1200
# A study of 2 GB passes through the engine, whose process stays under 200 MiB.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
result() { /usr/bin/python3 -c "
import json, sys
r = json.load(open('$work/run/results.json'))
sys.exit(0 if $1 else str(($2)))"; }
tap "a_study_of_two_gigabytes_arrives_whole" "$PONT" run scenarios/big-study.yaml --world wire --out "$work/run" --progress none
tap "it_has_two_gigabytes" result "r['counts']['bytes'] >= 2000000000" "r['counts']['bytes']"
tap "the_engine_stays_under_200_mebibytes" result "0 < r['resources']['engine']['rss_max_mib'] < 200" "r['resources']"
echo "1..$tap_number"
