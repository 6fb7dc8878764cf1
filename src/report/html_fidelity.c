/* SPDX-License-Identifier: MIT
 *
 * Both worlds held against each other: whether they came to the same, and how long things took against how long they
 * were thought to take, the worst first. */
#include "src/report/report_private.h"

static void put_cell(struct buffer *page, const struct fidelity_cell *cell)
{
    const int64_t times[] = {cell->p50_predicted_ns, cell->p50_measured_ns, cell->p95_predicted_ns, cell->p95_measured_ns};
    buffer_put_text(page, "<tr><td>");
    html_text(page, cell->hop);
    html_markup(page, "</td><td class=\"n\">%lld</td>", (long long)cell->n);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        html_markup(page, "<td class=\"n\">%.1f</td>", (double)times[i] / 1e6);
    }
    buffer_put_text(page, "</tr>\n");
}

void html_fidelity(struct buffer *page, const struct results *results)
{
    const struct fidelity *fidelity = &results->fidelity;
    if (!fidelity->compared) {
        return;
    }
    buffer_put_text(page, "<section><h2>Virtual time and wire</h2>\n<p>");
    if (fidelity->outcome_equal) {
        buffer_put_text(page, "<span class=\"good\">✓ Both worlds came to the same</span>: each exam, link, transfer, answer and tombstone.");
    } else {
        buffer_put_text(page, "<span class=\"wrong\">✗ The worlds differ</span>: ");
        html_text(page, fidelity->first_difference);
        buffer_put_text(page, ".");
    }
    html_markup(page, " %lld left out, being open when a fault began or ended. Each world has its own report: <a href=\"virtual/index.html\">virtual</a>, <a href=\"wire/index.html\">wire</a>.</p>\n",
                (long long)fidelity->left_out);
    if (fidelity->cell_count > 0) {
        buffer_put_text(page, "<table><caption>Milliseconds, worst prediction first</caption><thead><tr><th>What, where</th><th class=\"n\">n</th><th class=\"n\">p50 predicted</th>"
                              "<th class=\"n\">measured</th><th class=\"n\">p95 predicted</th><th class=\"n\">measured</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < fidelity->cell_count; i++) {
            put_cell(page, &fidelity->cells[i]);
        }
        buffer_put_text(page, "</tbody></table>\n");
    }
    buffer_put_text(page, "</section>\n");
}
