/* SPDX-License-Identifier: MIT */
#include "src/bench/compare.h"

#include "src/bench/number.h"

#include <errno.h>
#include <stdio.h>

/* ---- The numbers. */

struct pairing {
    const struct sample **first, **second; /* the shared seeds, rising */
    size_t count;
    double *a, *b;
};

static enum err pair_up(struct pairing *pairing, const struct sample *first, size_t first_count, const struct sample *second, size_t second_count, struct arena *arena)
{
    size_t most = first_count < second_count ? first_count : second_count;
    *pairing = (struct pairing){.first = arena_array(arena, most + 1, sizeof(struct sample *)), .second = arena_array(arena, most + 1, sizeof(struct sample *)),
                                .a = arena_array(arena, most + 1, sizeof(double)), .b = arena_array(arena, most + 1, sizeof(double))};
    if (pairing->first == NULL || pairing->second == NULL || pairing->a == NULL || pairing->b == NULL) {
        return ERR_LIMIT;
    }
    for (size_t i = 0, j = 0; i < first_count && j < second_count;) {
        if (first[i].seed < second[j].seed) {
            i++;
        } else if (first[i].seed > second[j].seed) {
            j++;
        } else {
            pairing->first[pairing->count] = &first[i++];
            pairing->second[pairing->count++] = &second[j++];
        }
    }
    return ERR_OK;
}

/* A row for a measure; seeds that lack it in either arm are left out of it. */
static enum err fill_row(struct compare_row *row, const struct pairing *pairing, struct arena *arena)
{
    size_t n = 0;
    bool differs = false;
    for (size_t i = 0; i < pairing->count; i++) {
        double a, b;
        if (sample_find(pairing->first[i], row->id, &a) && sample_find(pairing->second[i], row->id, &b)) {
            pairing->a[n] = a;
            pairing->b[n++] = b;
            differs = differs || a < b || a > b;
        }
    }
    row->pair = stats_pair(pairing->a, pairing->b, n, COMPARE_CONFIDENCE);
    row->is_quantile = measure_is_quantile(row->id);
    row->worse = measure_worse(row->id);
    row->tested = differs && n >= 2 && row->worse != WORSE_NEITHER;
    row->p_adjusted = row->pair.p;
    return row->is_quantile && differs && n >= 2 ? stats_bootstrap(&row->bootstrap, pairing->a, pairing->b, n, STATS_MEAN, COMPARE_CONFIDENCE, n, arena) : ERR_OK;
}

static void judge(struct compare *compare)
{
    double p[STATS_TESTS_MAX] = {0}, adjusted[STATS_TESTS_MAX] = {0};
    size_t n = 0, at = 0;
    for (size_t r = 0; r < compare->row_count; r++) {
        if (compare->rows[r].tested && n < STATS_TESTS_MAX) {
            p[n++] = compare->rows[r].pair.p;
        }
    }
    compare->tested_count = n;
    compare->holm = n > COMPARE_HOLM_ABOVE;
    stats_holm(p, n, adjusted);
    for (size_t r = 0; r < compare->row_count && at < n; r++) {
        struct compare_row *row = &compare->rows[r];
        if (!row->tested) {
            continue;
        }
        row->p_adjusted = compare->holm ? adjusted[at] : p[at];
        at++;
        bool more = row->pair.difference > 0;
        bool sure = row->p_adjusted < 1 - COMPARE_CONFIDENCE && (!row->is_quantile || row->bootstrap.low > 0 || row->bootstrap.high < 0);
        row->regression = sure && more == (row->worse == WORSE_MORE);
        row->improvement = sure && !row->regression;
        compare->regression = compare->regression || row->regression;
    }
}

static void count_failures(struct compare *compare, const struct pairing *pairing)
{
    for (size_t i = 0; i < pairing->count; i++) {
        bool first = pairing->first[i]->verdict == SAMPLE_FAIL, second = pairing->second[i]->verdict == SAMPLE_FAIL;
        compare->failed_first += first;
        compare->failed_second += second;
        if (second && !first && compare->newly_failed++ == 0) {
            compare->newly_failed_seed = pairing->first[i]->seed;
        }
    }
    compare->regression = compare->regression || compare->newly_failed > 0;
}

static bool has_row(const struct compare *compare, slice id)
{
    for (size_t r = 0; r < compare->row_count; r++) {
        if (slice_equal(compare->rows[r].id, id)) {
            return true;
        }
    }
    return false;
}

enum err compare_samples(struct compare *compare, const struct sample *first, size_t first_count, const struct sample *second, size_t second_count,
                         struct arena *arena)
{
    struct pairing pairing;
    *compare = (struct compare){.rows = arena_array(arena, SAMPLE_VALUES_MAX, sizeof *compare->rows)};
    enum err err = compare->rows == NULL ? ERR_LIMIT : pair_up(&pairing, first, first_count, second, second_count, arena);
    for (size_t i = 0; err == ERR_OK && i < pairing.count; i++) {
        for (size_t v = 0; err == ERR_OK && v < pairing.first[i]->value_count; v++) {
            slice id = pairing.first[i]->values[v].id;
            double other;
            if (compare->row_count < SAMPLE_VALUES_MAX && !has_row(compare, id) && sample_find(pairing.second[i], id, &other)) {
                struct compare_row *row = &compare->rows[compare->row_count++];
                row->id = id;
                err = fill_row(row, &pairing, arena);
            }
        }
    }
    if (err == ERR_OK) {
        compare->seed_count = pairing.count;
        judge(compare);
        count_failures(compare, &pairing);
    }
    return err;
}

/* ---- Where two worlds part. */

static bool next_line(FILE *file, char line[PARTING_LINE_MAX], uint64_t *rest)
{
    line[0] = '\0';
    *rest = 0;
    if (fgets(line, PARTING_LINE_MAX, file) == NULL) {
        return false;
    }
    size_t size = strlen(line);
    if (size > 0 && line[size - 1] == '\n') {
        line[size - 1] = '\0';
        return true;
    }
    for (int byte; (byte = getc(file)) != EOF && byte != '\n';) { /* the rest of a long line counts, though it is not shown */
        *rest = *rest * 1099511628211u + (uint64_t)byte + 1;
    }
    return true;
}

enum err compare_traces(struct parting *parting, const char *first_path, const char *second_path)
{
    FILE *first = fopen(first_path, "re"), *second = fopen(second_path, "re");
    *parting = (struct parting){.parted = false};
    bool more = first != NULL && second != NULL;
    while (more) {
        uint64_t rest_first, rest_second;
        bool a = next_line(first, parting->first, &rest_first), b = next_line(second, parting->second, &rest_second);
        parting->line++;
        parting->parted = a != b || rest_first != rest_second || strcmp(parting->first, parting->second) != 0;
        more = a && b && !parting->parted;
        if (more) {
            memcpy(parting->before, parting->first, strlen(parting->first) + 1);
        }
    }
    enum err err = first != NULL && second != NULL ? ERR_OK : ERR_NOT_FOUND;
    if (first != NULL) {
        fclose(first);
    }
    if (second != NULL) {
        fclose(second);
    }
    return err;
}

/* ---- What is said. */

static void put_cell(struct buffer *buffer, const char *text, size_t width)
{
    for (size_t size = strlen(text); size < width; size++) {
        buffer_put_byte(buffer, ' ');
    }
    buffer_put_text(buffer, text);
}

static void put_row(const struct compare_row *row, struct buffer *buffer)
{
    char cell[64], difference[72];
    buffer_put(buffer, row->id);
    for (size_t size = row->id.size; size < 24; size++) {
        buffer_put_byte(buffer, ' ');
    }
    number_text(row->pair.first, cell);
    put_cell(buffer, cell, 13);
    number_text(row->pair.second, cell);
    put_cell(buffer, cell, 13);
    number_text(row->pair.difference, cell);
    snprintf(difference, sizeof difference, "%s%s", row->pair.difference > 0 ? "+" : "", cell);
    put_cell(buffer, difference, 13);
    if (row->pair.n >= 2) {
        number_text(row->pair.half_width, cell);
        put_cell(buffer, cell, 12);
        number_text(row->pair.unpaired_half_width, cell);
        put_cell(buffer, cell, 12);
        snprintf(cell, sizeof cell, "%.0f %%", row->pair.sign_share * 100);
        put_cell(buffer, cell, 8);
        snprintf(cell, sizeof cell, "%.2g", row->p_adjusted);
        put_cell(buffer, cell, 10);
    }
    buffer_put_text(buffer, row->regression ? "  WORSE" : row->improvement ? "  better" : "");
    buffer_put_byte(buffer, '\n');
}

void compare_put_text(const struct compare *compare, slice first, slice second, struct buffer *buffer)
{
    size_t same = 0;
    buffer_put(buffer, second);
    buffer_put_text(buffer, " against ");
    buffer_put(buffer, first);
    buffer_put_text(buffer, ", ");
    buffer_put_int(buffer, (int64_t)compare->seed_count);
    buffer_put_text(buffer, compare->seed_count == 1 ? " shared seed" : " shared seeds");
    buffer_put_text(buffer, compare->seed_count < 2 ? " (one seed gives no interval)\n" : ", differences paired by seed, 95 % t intervals");
    if (compare->seed_count >= 2) {
        buffer_put_text(buffer, compare->holm ? ", p corrected by Holm for the number of measures\n" : "\n");
    }
    buffer_put_text(buffer, "measure                         first       second   difference     +/-paired   +/-unpaired  agree         p\n");
    for (size_t r = 0; r < compare->row_count; r++) {
        const struct compare_row *row = &compare->rows[r];
        if (row->pair.difference < 0 || row->pair.difference > 0 || row->pair.half_width > 0) {
            put_row(row, buffer);
        } else {
            same++;
        }
    }
    buffer_put_int(buffer, (int64_t)same);
    buffer_put_text(buffer, " further measures are the same in every seed\nfailed seeds: ");
    buffer_put_int(buffer, (int64_t)compare->failed_first);
    buffer_put_text(buffer, " then ");
    buffer_put_int(buffer, (int64_t)compare->failed_second);
    if (compare->newly_failed > 0) {
        buffer_put_text(buffer, "; seed ");
        buffer_put_int(buffer, (int64_t)compare->newly_failed_seed);
        buffer_put_text(buffer, " passed and fails now");
    }
    buffer_put_byte(buffer, '\n');
}

static void put_field(struct buffer *buffer, const char *name, double value)
{
    buffer_put_text(buffer, ", \"");
    buffer_put_text(buffer, name);
    buffer_put_text(buffer, "\": ");
    number_put(buffer, value);
}

void compare_put_json(const struct compare *compare, slice first, slice second, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"first\": ");
    buffer_put_json(buffer, first);
    buffer_put_text(buffer, ", \"second\": ");
    buffer_put_json(buffer, second);
    put_field(buffer, "seeds", (double)compare->seed_count);
    put_field(buffer, "failed_first", (double)compare->failed_first);
    put_field(buffer, "failed_second", (double)compare->failed_second);
    put_field(buffer, "newly_failed", (double)compare->newly_failed);
    buffer_put_text(buffer, compare->holm ? ", \"correction\": \"holm\"" : ", \"correction\": null");
    buffer_put_text(buffer, compare->regression ? ", \"regression\": true, \"measures\": [" : ", \"regression\": false, \"measures\": [");
    for (size_t r = 0; r < compare->row_count; r++) {
        const struct compare_row *row = &compare->rows[r];
        buffer_put_text(buffer, r == 0 ? "\n  {\"id\": " : ",\n  {\"id\": ");
        buffer_put_json(buffer, row->id);
        put_field(buffer, "n", (double)row->pair.n);
        put_field(buffer, "first", row->pair.first);
        put_field(buffer, "second", row->pair.second);
        put_field(buffer, "difference", row->pair.difference);
        put_field(buffer, "half_width", row->pair.half_width);
        put_field(buffer, "unpaired_half_width", row->pair.unpaired_half_width);
        put_field(buffer, "sign_share", row->pair.sign_share);
        put_field(buffer, "p", row->p_adjusted);
        if (row->is_quantile && row->pair.n >= 2) {
            put_field(buffer, "bootstrap_low", row->bootstrap.low);
            put_field(buffer, "bootstrap_high", row->bootstrap.high);
        }
        buffer_put_text(buffer, row->regression ? ", \"judgement\": \"worse\"}" : row->improvement ? ", \"judgement\": \"better\"}" : ", \"judgement\": null}");
    }
    buffer_put_text(buffer, "]}");
}
