/* SPDX-License-Identifier: MIT
 *
 * Transfers: each by itself where a person can read them all; of more, what they came to group by group, and those to look at first. */
#include "src/report/report_private.h"

#include <stdlib.h>

#define ALL_SHOWN 200   /* as many are shown one by one */
#define WORST_SHOWN 60  /* of more, so many: those that did not end well, then those that took longest */
#define GROUPS_MAX 400
#define GROUPS_SHOWN 60

static const char *const states[] = {"", "waiting", "running", "verifying", "done", "unproven", "failed"};
static const char *const proofs[] = {"none", "list", "commitment", "store-response"};
static const char *const reasons[] = {"", "prior", "MDT", "client", "operator"};

static const char *word(const char *const *words, size_t count, int64_t number)
{
    return number >= 0 && (size_t)number < count ? words[number] : "?";
}
#define WORD(words, number) word(words, sizeof words / sizeof words[0], number)

static double seconds(const struct transfer_result *transfer)
{
    return transfer->ended_at > transfer->accepted_at ? (double)(transfer->ended_at - transfer->accepted_at) / 1e9 : 0.0;
}

static void put_study(struct buffer *page, const struct results *results, slice uid)
{
    const struct scenario_study *study = study_of_uid(results, uid);
    if (study == NULL) {
        buffer_put_text(page, "<span class=\"mono uid\">");
        html_text(page, uid);
        buffer_put_text(page, "</span>");
        return;
    }
    html_text(page, study->text.size > 0 ? study->text : study->id);
    buffer_put_text(page, " <span class=\"soft\">");
    html_text(page, study->id);
    buffer_put_text(page, ", patient ");
    html_text(page, results->scenario->persons[study->person].id);
    buffer_put_text(page, "</span>");
}

static void put_state(struct buffer *page, const struct transfer_result *transfer)
{
    html_markup(page, "<span class=\"keep %s\">%s %s</span>", transfer->state == 4 ? "good" : transfer->state == 6 ? "wrong" : "attention",
                transfer->state == 4 ? "✓" : transfer->state == 6 ? "✗" : "●", WORD(states, transfer->state));
    if (transfer->why.size > 0) {
        buffer_put_text(page, "<br><span class=\"soft\">");
        html_text(page, transfer->why);
        buffer_put_text(page, "</span>");
    }
}

static void put_transfer(struct buffer *page, const struct results *results, const struct transfer_result *transfer)
{
    html_markup(page, "<tr><td class=\"n\">%lld</td><td>%s</td><td>", (long long)transfer->id, WORD(reasons, transfer->reason));
    put_study(page, results, transfer->study_uid);
    buffer_put_text(page, "</td><td>");
    html_text(page, node_name(results, transfer->destination));
    html_markup(page, "</td><td class=\"n keep\">%lld of %lld</td><td>", (long long)transfer->delivered, (long long)transfer->wanted);
    put_state(page, transfer);
    html_markup(page, "</td><td>%s</td><td class=\"n\">%lld</td><td class=\"n\">%.1f</td></tr>\n", WORD(proofs, transfer->proof), (long long)transfer->attempts, seconds(transfer));
}

static void add_transfer(struct csv *csv, const struct results *results, const struct transfer_result *transfer)
{
    csv_number(csv, transfer->id);
    csv_cell(csv, slice_from(WORD(reasons, transfer->reason)));
    csv_cell(csv, transfer->study_uid);
    csv_cell(csv, node_name(results, transfer->destination));
    csv_number(csv, transfer->delivered);
    csv_number(csv, transfer->wanted);
    csv_cell(csv, slice_from(WORD(states, transfer->state)));
    csv_cell(csv, slice_from(WORD(proofs, transfer->proof)));
    csv_number(csv, transfer->attempts);
    csv_number(csv, transfer->ended_at > transfer->accepted_at ? (transfer->ended_at - transfer->accepted_at) / TIME_MS : 0);
    csv_cell(csv, transfer->why);
    csv_line(csv);
}

static const char table_head[] = "<table><thead><tr><th class=\"n\">No.</th><th>For</th><th>Study</th><th>To</th><th class=\"n\">Images</th><th>State</th><th>Proof</th>"
                                 "<th class=\"n\">Tries</th><th class=\"n\">Took s</th></tr></thead><tbody>\n";

/* ---- Groups: for what, to where, how it ended and why. */

struct group {
    const struct transfer_result *first;
    int64_t count, wanted, delivered, attempts;
    double seconds, longest;
};

static bool same_group(const struct transfer_result *a, const struct transfer_result *b)
{
    return a->reason == b->reason && a->state == b->state && slice_equal(a->destination, b->destination) && slice_equal(a->why, b->why);
}

static void add_to_group(struct group *groups, size_t *count, const struct transfer_result *transfer)
{
    size_t g = 0;
    while (g < *count && !same_group(groups[g].first, transfer)) {
        g++;
    }
    if (g == *count) {
        if (*count == GROUPS_MAX) {
            return;
        }
        groups[(*count)++] = (struct group){.first = transfer};
    }
    groups[g].count++;
    groups[g].wanted += transfer->wanted;
    groups[g].delivered += transfer->delivered;
    groups[g].attempts += transfer->attempts;
    groups[g].seconds += seconds(transfer);
    groups[g].longest = seconds(transfer) > groups[g].longest ? seconds(transfer) : groups[g].longest;
}

static int by_count(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count) : (a->first->id > b->first->id) - (a->first->id < b->first->id);
}

static void put_groups(struct buffer *page, const struct results *results, struct arena *arena)
{
    struct group *groups = arena_array(arena, GROUPS_MAX, sizeof *groups);
    size_t count = 0;
    char text[32];
    if (groups == NULL) {
        return;
    }
    for (size_t i = 0; i < results->transfer_count; i++) {
        add_to_group(groups, &count, &results->transfers[i]);
    }
    qsort(groups, count, sizeof *groups, by_count);
    buffer_put_text(page, "<table><thead><tr><th>For</th><th>To</th><th>State</th><th class=\"n\">Transfers</th><th class=\"n\">Images</th><th class=\"n\">Tries each</th>"
                          "<th class=\"n\">Mean s</th><th class=\"n\">Longest s</th></tr></thead><tbody>\n");
    for (size_t g = 0; g < count && g < GROUPS_SHOWN; g++) {
        const struct group *group = &groups[g];
        html_markup(page, "<tr><td>%s</td><td>", WORD(reasons, group->first->reason));
        html_text(page, node_name(results, group->first->destination));
        buffer_put_text(page, "</td><td>");
        put_state(page, group->first);
        html_markup(page, "</td><td class=\"n\">%s</td>", grouped(group->count, text));
        html_markup(page, "<td class=\"n\">%s</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td></tr>\n", grouped(group->delivered, text),
                    (double)group->attempts / (double)group->count, group->seconds / (double)group->count, group->longest);
    }
    buffer_put_text(page, "</tbody></table>\n");
    if (count > GROUPS_SHOWN) {
        html_markup(page, "<p class=\"soft\">%d of %s%zu groups shown, the largest.</p>\n", GROUPS_SHOWN, count == GROUPS_MAX ? "at least " : "", count);
    }
}

/* ---- Those to look at first. */

static int64_t rank(const struct transfer_result *transfer)
{
    return transfer->state == 6 ? 0 : transfer->state == 5 ? 1 : transfer->state != 4 ? 2 : 3;
}

static int by_trouble(const void *left, const void *right)
{
    const struct transfer_result *a = *(const struct transfer_result *const *)left, *b = *(const struct transfer_result *const *)right;
    double length_a = seconds(a), length_b = seconds(b);
    if (rank(a) != rank(b)) {
        return rank(a) < rank(b) ? -1 : 1;
    }
    if (length_a < length_b || length_b < length_a) {
        return length_a > length_b ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static void put_worst(struct buffer *page, const struct results *results, struct arena *arena)
{
    const struct transfer_result **order = arena_array(arena, results->transfer_count, sizeof *order);
    if (order == NULL) {
        return;
    }
    for (size_t i = 0; i < results->transfer_count; i++) {
        order[i] = &results->transfers[i];
    }
    qsort(order, results->transfer_count, sizeof *order, by_trouble);
    html_markup(page, "<h3>Those to look at first</h3>\n<p class=\"soft\">%d of %zu: those that did not end well, then those that took longest.</p>\n%s", WORST_SHOWN, results->transfer_count,
                table_head);
    for (size_t i = 0; i < WORST_SHOWN; i++) {
        put_transfer(page, results, order[i]);
    }
    buffer_put_text(page, "</tbody></table>\n");
}

static void put_each(struct buffer *page, const struct results *results, struct arena *arena)
{
    static const char *const columns[] = {"number", "for", "study", "to", "delivered", "wanted", "state", "proof", "attempts", "took_ms", "why"};
    struct csv csv = csv_begin(arena);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        csv_cell(&csv, slice_from(columns[i]));
    }
    csv_line(&csv);
    buffer_put_text(page, table_head);
    for (size_t i = 0; i < results->transfer_count; i++) {
        put_transfer(page, results, &results->transfers[i]);
        add_transfer(&csv, results, &results->transfers[i]);
    }
    buffer_put_text(page, "</tbody></table>\n");
    csv_link(page, &csv, "transfers");
}

void html_transfers(struct buffer *page, const struct results *results, struct arena *arena)
{
    if (results->transfer_count == 0) {
        return;
    }
    buffer_put_text(page, "<section><h2>Every transfer</h2>\n");
    if (results->transfer_count <= ALL_SHOWN) {
        put_each(page, results, arena);
    } else {
        if (results->counts[COUNT_transfers_requested] > (int64_t)results->transfer_count) {
            html_markup(page, "<p class=\"soft\">Of %lld transfers these %zu were kept, those first that did not end well.</p>\n", (long long)results->counts[COUNT_transfers_requested],
                        results->transfer_count);
        }
        put_groups(page, results, arena);
        put_worst(page, results, arena);
    }
    buffer_put_text(page, "</section>\n");
}
