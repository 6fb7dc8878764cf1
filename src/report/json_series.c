/* SPDX-License-Identifier: MIT
 *
 * What a long run came to month by month and place by place, beside the contract of results.json: for those who draw their own. */
#include "src/report/report_private.h"

#include "src/report/json_private.h"

#include <stddef.h>

struct field {
    const char *name;
    size_t offset; /* of an int64_t */
    int64_t unit;  /* what it is divided by */
};
#define MONTH(name) {#name, offsetof(struct series_month, name), 1}
static const struct field month_fields[] = {
    MONTH(exams),        MONTH(published),  MONTH(images),  MONTH(bytes),     MONTH(messages),  MONTH(publish_count),
    MONTH(priors_wanted), MONTH(priors_ready), MONTH(mdt_cases), MONTH(mdt_ready), MONTH(transfers), MONTH(transfers_failed),
    MONTH(transfer_bytes), MONTH(queries), MONTH(queries_partial),
    {"publish_p50_ms", offsetof(struct series_month, publish_p50_ns), TIME_MS}, {"publish_p95_ms", offsetof(struct series_month, publish_p95_ns), TIME_MS}};
#define SITE(name) {#name, offsetof(struct series_site, name), 1}
static const struct field site_fields[] = {
    SITE(exams), SITE(published), SITE(images), SITE(bytes), SITE(transfers_in), SITE(bytes_in), SITE(transfers_out), SITE(bytes_out), SITE(priors_wanted), SITE(priors_ready),
    SITE(mdt_cases), SITE(mdt_ready), {"publish_p50_ms", offsetof(struct series_site, publish_p50_ns), TIME_MS},
    {"publish_p95_ms", offsetof(struct series_site, publish_p95_ns), TIME_MS}};
#define NODE(name) {#name, offsetof(struct series_node, name), 1}
static const struct field node_fields[] = {NODE(studies), NODE(bytes), NODE(outages), NODE(planned), NODE(finds), NODE(finds_failed), NODE(moves), NODE(moves_failed),
                                           {"down_s", offsetof(struct series_node, down_ns), TIME_S}};

static void put_fields(json_t *to, const void *from, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_object_set_new(to, fields[i].name, json_integer(*(const int64_t *)((const char *)from + fields[i].offset) / fields[i].unit));
    }
}
#define PUT_FIELDS(to, from, fields) put_fields(to, from, fields, sizeof fields / sizeof fields[0])

static json_t *numbers(const int64_t *list, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count && list != NULL; i++) {
        json_array_append_new(all, json_integer(list[i]));
    }
    return all;
}

static json_t *stamp(time_ns at)
{
    char text[40];
    struct buffer buffer = buffer_over(text, sizeof text);
    time_put_iso(&buffer, at);
    return json_stringn(buffer.data, buffer.size);
}

static json_t *months(const struct series *series)
{
    json_t *all = json_array();
    for (size_t i = 0; i < series->month_count; i++) {
        json_t *month = json_pack("{s:o}", "month", json_sprintf("%04d-%02d", series->months[i].year, series->months[i].month));
        PUT_FIELDS(month, &series->months[i], month_fields);
        json_array_append_new(all, month);
    }
    return all;
}

static json_t *sites(const struct results *results)
{
    json_t *all = json_array();
    for (size_t i = 0; i < results->scenario->site_count; i++) {
        json_t *site = json_pack("{s:o}", "site", json_slice(results->scenario->sites[i].id));
        PUT_FIELDS(site, &results->series->sites[i], site_fields);
        json_object_set_new(site, "exams_by_month", numbers(results->series->sites[i].exams_by_month, results->series->month_count));
        json_array_append_new(all, site);
    }
    return all;
}

static json_t *archives(const struct results *results)
{
    json_t *all = json_array();
    for (size_t i = 0; i < results->scenario->node_count; i++) {
        if (results->scenario->nodes[i].kind == KIND_PACS) {
            json_t *node = json_pack("{s:o}", "node", json_slice(results->scenario->nodes[i].id));
            PUT_FIELDS(node, &results->series->nodes[i], node_fields);
            json_object_set_new(node, "bytes_by_month", numbers(results->series->nodes[i].bytes_by_month, results->series->month_count));
            json_array_append_new(all, node);
        }
    }
    return all;
}

static json_t *links(const struct series *series)
{
    json_t *all = json_array();
    for (size_t i = 0; i < series->link_count; i++) {
        const struct series_link *link = &series->links[i];
        json_array_append_new(all, json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "link", json_slice(link->name), "bytes", (json_int_t)link->bytes, "outages", (json_int_t)link->outages,
                                             "down_s", (json_int_t)(link->down_ns / TIME_S), "bytes_by_month", numbers(link->bytes_by_month, series->month_count),
                                             "capacity_by_month", numbers(link->capacity_by_month, series->month_count)));
    }
    return all;
}

static json_t *objectives(const struct series *series)
{
    json_t *all = json_array();
    for (size_t i = 0; i < series->objective_count; i++) {
        const struct series_objective *o = &series->objectives[i];
        json_t *windows = json_array();
        for (size_t w = 0; w < o->window_count; w++) {
            const struct series_window *window = &o->windows[w];
            json_array_append_new(windows, json_pack("{s:o, s:I, s:I, s:o, s:o}", "from", stamp(window->from_ns), "n", (json_int_t)window->count, "missed", (json_int_t)window->missed,
                                                     "value", window->value > 0 ? json_real(window->value) : json_null(), "budget_used", window->burnt < 0 ? json_null() : json_real(window->burnt)));
        }
        json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:b, s:f, s:I, s:f, s:[f, f], s:b, s:o}", "id", json_slice(o->id), "text", json_slice(o->text), "unit", json_slice(o->unit),
                                             "at_least", o->at_least, "bound", o->bound, "n", (json_int_t)o->count, "value", o->value, "interval", o->low, o->high, "pass", o->pass,
                                             "windows", windows));
    }
    return all;
}

static json_t *faults(const struct results *results)
{
    json_t *all = json_array();
    const struct scenario *scenario = results->scenario;
    for (size_t i = 0; i < results->series->outage_count; i++) {
        const struct series_outage *outage = &results->series->outages[i];
        size_t link = outage->node - scenario->node_count;
        slice place = outage->node < scenario->node_count ? scenario->nodes[outage->node].id : link < results->series->link_count ? results->series->links[link].name : SLICE_EMPTY;
        json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:I}", "fault", json_slice(outage->id), "effect", json_slice(outage->effect), "at", json_slice(place),
                                             "from", stamp(outage->from_ns), "until", outage->until_ns > 0 ? stamp(outage->until_ns) : json_null(), "planned", outage->planned,
                                             "exams_late", (json_int_t)outage->exams_late, "answers_marked", (json_int_t)outage->queries_partial));
    }
    return all;
}

json_t *json_series(const struct results *results)
{
    const struct series *series = results->series;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "months", months(series), "sites", sites(results), "archives", archives(results), "links", links(series), "objectives",
                     objectives(series), "faults", faults(results));
}
