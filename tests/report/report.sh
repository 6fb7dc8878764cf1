#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-fast check-all
# seconds: 20
# A report with hostile names in it, as programs that know nothing of Pont read it.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
export PONT_REPORT_FOLDER=$work/run
make_report() { "$BUILD/unit/report/test_report" >"$work/out" || { cat "$work/out"; return 1; }; }
junit_is_xml() { if command -v xmllint >/dev/null; then xmllint --noout "$PONT_REPORT_FOLDER/junit.xml"; else python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$PONT_REPORT_FOLDER/junit.xml"; fi; }
results_are_json() { python3 -c 'import json, sys; json.load(open(sys.argv[1], encoding="utf-8"))' "$PONT_REPORT_FOLDER/results.json"; }
page_is_balanced() {
    python3 - "$PONT_REPORT_FOLDER/index.html" <<'END'
import sys
from html.parser import HTMLParser
VOID = {"meta", "br", "line", "path", "rect", "circle", "input", "hr", "img"}
class Page(HTMLParser):
    stack, wrong = [], []
    def handle_starttag(self, tag, attributes):
        if tag not in VOID: self.stack.append(tag)
    def handle_endtag(self, tag):
        if tag in VOID: return
        if not self.stack or self.stack[-1] != tag: self.wrong.append((self.getpos(), tag, self.stack[-3:]))
        elif self.stack: self.stack.pop()
page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
assert not page.wrong, page.wrong[:3]
assert not page.stack, page.stack
END
}
scripts_of_the_plots_draw_them_again() {
    command -v gnuplot >/dev/null || { echo "# no gnuplot here"; return 0; }
    (cd "$PONT_REPORT_FOLDER/plots" && rm query.svg && gnuplot query.gp && test -s query.svg)
}
tap "the_report_is_made" make_report
tap "junit_xml_is_xml" junit_is_xml
tap "results_json_is_json" results_are_json
tap "every_element_of_the_page_is_closed" page_is_balanced
tap "a_plot_can_be_drawn_again_from_its_folder" scripts_of_the_plots_draw_them_again
echo "1..$tap_number"
