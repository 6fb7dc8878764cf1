#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 40
# `pont world` that does not wait until every archive has told what it holds says that truth.csv may be short, in one line and in the
# sheet; once all have told, it says so in both, and the truth is the same as where the sheet waited for it.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
# One archive holds so much that telling of it takes seconds: the rest of the world is up before.
sed -E '/^  ct_uhw:/s/images: 20/images: 3900/' scenarios/quickstart.yaml >"$work/large.yaml"
world "$work/large.yaml" --settle 0
tap "it_says_that_the_truth_may_be_short" await 20 grep -qE "^pont: [0-9]+ of [0-9]+ archives had not told what they hold after 0 s: .*truth.csv may be short$" "$work/world.out"
tap "the_world_is_up_though_it_has_not_settled" await 20 grep -q "^The world is up, but has not settled: .* after 0 s" "$work/world.out"
tap "once_all_have_told_it_says_so" await 60 grep -q "every archive has told what it holds now" "$work/world.out"
tap "and_the_sheet_too" test "$(sheet "s['truth_complete']")" = True
kill "${tap_children[0]}" && wait "${tap_children[0]}"
sort "$world_folder/truth.csv" >"$work/late.csv"
rm -rf "$world_folder" "$sheet"
world "$work/large.yaml"
tap "one_that_waited_says_so_in_its_sheet_alone" test "$(sheet "s['truth_complete']")" = True
tap "and_has_nothing_to_say_of_a_short_truth" eval '! grep -q "short\|told" "$work/world.out"'
tap "the_truth_is_the_same" eval 'sort "$world_folder/truth.csv" | cmp - "$work/late.csv"'
tap "there_is_truth" eval '[ $(wc -l <"$work/late.csv") -gt 3900 ]'
echo "1..$tap_number"
