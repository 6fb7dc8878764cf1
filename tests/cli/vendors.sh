#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-fast asan
# seconds: 60
# pont vendors and pont node on the command line: what they list, and that what is wrong is said and ends in 2.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
fails_with() { # CODE TEXT COMMAND...
    local want=$1 text=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err"
    local code=$?
    [ "$code" = "$want" ] && grep -qF -- "$text" "$work/err" || { echo "exit $code"; cat "$work/out" "$work/err"; return 1; }
}
quirks_of() { "$PONT" vendors "$1" --quirks "$2" | awk '/^[a-z_]+ .*, source / {print $1}' | sort; }
tap "the_seven_are_listed_with_their_titles" bash -c '"$0" vendors | grep -cE "^(agfa|carestream|ferrania|fuji|ge|insignia|plain) +[A-Z]" | grep -qx 7' "$PONT"
tap "the_plain_product_has_no_quirk" bash -c 'test -z "$1"' _ "$(quirks_of plain assumed)"
tap "each_other_product_has_at_least_six" bash -c '"$0" vendors | awk "NR > 1 && NF > 0 && \$1 != \"plain\" && \$1 != \"Each\" {if (\$(NF) + \$(NF-1) + \$(NF-2) < 6) exit 1}"' "$PONT"
tap "no_two_products_have_the_same_quirks" bash -c 'for v in agfa carestream ferrania fuji ge insignia; do "$0" vendors $v | grep -oE "^[a-z_]+ .*source" | md5sum; done | sort | uniq -d | grep -q . && exit 1 || exit 0' "$PONT"
tap "documented_quirks_are_among_the_reported_ones" bash -c 'test -n "$1" && ! comm -23 <(echo "$1") <(echo "$2") | grep -q .' _ "$(quirks_of agfa documented)" "$(quirks_of agfa reported)"
tap "reported_quirks_are_among_the_assumed_ones" bash -c 'test "$1" != "$2" && ! comm -23 <(echo "$1") <(echo "$2") | grep -q .' _ "$(quirks_of agfa reported)" "$(quirks_of agfa assumed)"
tap "a_parameter_is_shown" bash -c '"$0" vendors fuji | grep -q "^find_response_cap_silent (rows 5)  assumed"' "$PONT"
tap "the_matrix_has_a_row_for_each_quirk" bash -c 'test "$("$0" vendors --compare | tail -n +2 | wc -l)" = "$(grep -c "^QUIRK(" sim/node/quirks.def)"' "$PONT"
tap "probes_ask_the_node_that_is_named" bash -c '"$0" vendors ge --probe --node OTHER@127.0.0.1:4242 --client ME@127.0.0.1:4343 | grep -v "^#" | grep . | grep -v -e "-aec \(OTHER\|NOSUCH\)" -e "OTHER ME >&3" | grep -q . && exit 1 || exit 0' "$PONT"
tap "no_word_of_a_template_is_left" bash -c 'for v in agfa carestream ferrania fuji ge insignia; do "$0" vendors $v --probe; done | grep -nE "\{(find|move|echo|as|at|aet|client|port|rows|stores|lacks|scratch|receiver|number|text|status|[a-z]+-[a-z0-9]+|cr|ct|mr|mg|dx|once|odd|name|patient|padded)[:}]" && exit 1 || exit 0' "$PONT"
tap "each_source_that_is_a_key_is_explained" bash -c 'for key in $(grep -hoE "source: [A-Z]+[0-9]+" sim/vendors/*.yaml | cut -d" " -f2 | sort -u); do grep -q "^- \*\*$key\*\* " docs/quirks.md || { echo $key; exit 1; }; done'
tap "an_unknown_vendor_is_an_error_that_names_them" fails_with 2 'there are agfa, carestream' "$PONT" vendors kodak
tap "an_unknown_vendor_is_no_node" fails_with 2 'there are agfa, carestream' "$PONT" node kodak
tap "an_unknown_level_is_an_error" fails_with 2 'documented, reported or assumed' "$PONT" vendors fuji --quirks certain
tap "a_word_that_is_none_of_an_options_is_an_error_that_names_them" fails_with 2 'it must be one of auto|plain|none' "$PONT" run scenarios/quickstart.yaml --progress loud
tap "a_report_of_what_is_no_run_folder_says_so" fails_with 2 'nosuch is no run folder' "$PONT" report nosuch
tap "judging_again_what_is_no_run_folder_says_so" fails_with 2 'nosuch is no run folder' "$PONT" rejudge nosuch
tap "a_probe_needs_a_vendor" fails_with 2 'needs a vendor' "$PONT" vendors --probe
tap "an_address_without_port_is_an_error" fails_with 2 'AET@host:port' "$PONT" vendors fuji --probe --node FUJI@127.0.0.1
tap "a_node_needs_a_vendor" fails_with 2 'name a vendor' "$PONT" node
tap "a_peer_without_address_is_an_error" fails_with 2 '"TRYME"' "$PONT" node fuji --peers TRYME
tap "a_title_of_17_characters_is_an_error" fails_with 2 '1 to 16' "$PONT" node fuji --aet ABCDEFGHIJKLMNOPQ
tap "a_port_that_is_none_is_an_error" fails_with 2 '--port' "$PONT" node fuji --port 65536
tap "a_folder_that_is_not_there_cannot_be_imported" fails_with 2 'no folder' "$PONT" node fuji --import "$work/none"
tap "what_is_no_DICOM_file_has_no_digest" fails_with 2 'no DICOM file' "$PONT" node --digest Makefile
tap "what_is_not_there_has_no_digest" fails_with 2 'No such file' "$PONT" node --digest "$work/none"
printf 'vendor: mine\ntitle: Mine\nnote: x\nquirks:\n  find_no_such: {confidence: assumed, source: test}\n' >"$work/mine.yaml"
tap "an_unknown_quirk_in_a_profile_is_an_error_at_its_line" fails_with 2 'mine.yaml:5:' "$PONT" node "$work/mine.yaml"
echo "1..$tap_number"
