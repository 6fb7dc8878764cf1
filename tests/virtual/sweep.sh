#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 40
# Many seeds of one story: the same report whatever the jobs, the order or the machines; resumed, interrupted, compared, shared by a
# cluster that is a stand-in for Slurm's.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
sweep() { # sweep FOLDER OPTIONS...
    local folder=$1
    shift
    "$PONT" sweep scenarios/quickstart.yaml --world virtual --out "$work/$folder" --quiet "$@"
}
same() { cmp "$work/$1/sweep.json" "$work/$2/sweep.json"; }
code() { # code N COMMAND...: the command exits with N
    local wanted=$1
    shift
    "$@"
    local got=$?
    [ $got = "$wanted" ] || { echo "exit code $got, not $wanted"; return 1; }
}
tap "six_seeds_pass" sweep two --seeds 1..6 --jobs 2
tap "one_job_comes_to_the_same_bytes" eval 'sweep one --seeds 1..6 --jobs 1 && same one two'
tap "what_is_there_is_not_run_again" eval 'sweep two --seeds 1..6 | tee "$work/again" && ! grep -q "runs in" "$work/again"'
tap "three_machines_that_share_a_folder_come_to_the_same_bytes" eval \
    'for i in 2 0 1; do sweep parts --seeds 1..6 --jobs 1 --part $i/3; done && sweep parts --seeds 1..6 && same parts two'
tap "another_scenario_is_refused_in_the_folder" code 2 "$PONT" sweep scenarios/broken/mutants.yaml --world virtual --seeds 1..2 --out "$work/two" --quiet
tap "json_on_stdout_is_the_file" eval 'sweep two --seeds 1..6 --json 2>/dev/null | cmp - "$work/two/sweep.json"'
tap "the_page_is_there_and_asks_nothing_of_the_network" eval 'test -s "$work/two/index.html" && ! grep -oE "(src|href)=\"(https?:)?//" "$work/two/index.html"'
tap "numbers_of_a_seed_are_those_of_its_run" eval \
    '"$PONT" run scenarios/quickstart.yaml --world virtual --seed 3 --out "$work/run3" --quiet >/dev/null && python3 - <<P
import json
a, b = (json.load(open("$work/" + f)) for f in ("run3/results.json", "two/seeds/base/3.json"))
for r in (a, b):
    del r["time"]["wall_s"], r["resources"], r["build"]
assert a == b, [k for k in a if a[k] != b.get(k)]
P'
mkdir "$work/bin"
cat >"$work/bin/sbatch" <<'E2'
#!/bin/bash
# Stands in for Slurm: the tasks of the array, last first, one of them twice.
script=${*: -1}
last=$(sed -nE 's/^#SBATCH --array=0-([0-9]+).*/\1/p' "$script")
for i in $(seq "$last" -1 0) 0; do SLURM_ARRAY_TASK_ID=$i sh "$script" || exit 1; done
E2
chmod +x "$work/bin/sbatch"
tap "a_job_array_comes_to_the_same_bytes" eval 'PATH=$work/bin:$PATH sweep slurm --seeds 1..6 --slurm && same slurm two'
tap "without_sbatch_it_says_what_to_do_and_exits_3" eval 'code 3 sweep none --seeds 1..2 --slurm 2>"$work/none.err" && grep -q "sbatch" "$work/none.err" && test -s "$work/none/slurm.sh"'
interrupted() {
    "$PONT" sweep scenarios/quickstart.yaml --world virtual --out "$work/cut" --seeds 1..5000 --jobs 1 --quiet >"$work/cut.out" &
    local pid=$!
    tap_children+=("$pid")
    await 30 test -e "$work/cut/seeds/base/2.json" || return 1
    kill -INT $pid
    code 3 wait $pid && /usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); assert r["verdict"] == "inconclusive" and r["arms"][0]["passed"] >= 2' "$work/cut/sweep.json" &&
        ! ls "$work"/cut/seeds/base/*.run 2>/dev/null
}
tap "interrupted_it_leaves_what_there_is_and_exits_3" interrupted
tap "a_sweep_against_itself_has_no_regression" code 0 "$PONT" compare "$work/one" "$work/two"
tap "two_runs_are_compared_down_to_the_event_where_they_part" eval \
    '"$PONT" run scenarios/quickstart.yaml --world virtual --seed 4 --out "$work/run4" --quiet >/dev/null; "$PONT" compare "$work/run3" "$work/run4" | tee "$work/parting"; grep -q "the worlds part at line" "$work/parting"'
tap "a_run_against_itself_does_not_part" eval '"$PONT" compare "$work/run3" "$work/run3" | grep -q "the traces are the same"'
tap "seeds_the_wrong_way_round_are_refused" code 2 sweep x --seeds 5..2
tap "no_seeds_are_refused" code 2 sweep x
tap "a_folder_that_is_none_is_refused" code 2 "$PONT" compare "$work/nothing" "$work/two"
echo "1..$tap_number"
