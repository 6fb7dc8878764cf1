/* SPDX-License-Identifier: MIT
 *
 * junit.xml as CI tools read it: one suite of invariants, one of expectations. */
#include "src/report/report_private.h"

#include <stdio.h>

/* XML text: the five entities; control characters cannot stand in XML 1.0 at all, nor can bytes that are no UTF-8. */
static void xml_text(struct buffer *xml, slice text)
{
    while (text.size > 0) {
        char byte = text.data[0];
        size_t size = utf8_size(text);
        const char *entity = byte == '<' ? "&lt;" : byte == '>' ? "&gt;" : byte == '&' ? "&amp;" : byte == '"' ? "&quot;" : byte == '\'' ? "&apos;" : NULL;
        if (entity != NULL) {
            buffer_put_text(xml, entity);
        } else if (size == 0 || ((unsigned char)byte < 0x20 && byte != '\n' && byte != '\t')) {
            buffer_put_byte(xml, '?');
        } else {
            buffer_put(xml, slice_before(text, size));
        }
        text = slice_after(text, size == 0 ? 1 : size);
    }
}

static void put_case(struct buffer *xml, const char *group, slice name, bool pass, slice message)
{
    buffer_put_text(xml, "    <testcase classname=\"");
    buffer_put_text(xml, group);
    buffer_put_text(xml, "\" name=\"");
    xml_text(xml, name);
    buffer_put_text(xml, pass ? "\"/>\n" : "\"><failure message=\"");
    if (!pass) {
        xml_text(xml, message);
        buffer_put_text(xml, "\"/></testcase>\n");
    }
}

static void put_suite(struct buffer *xml, const char *name, int64_t tests, int64_t failures, int errors)
{
    char line[160];
    snprintf(line, sizeof line, "  <testsuite name=\"%s\" tests=\"%lld\" failures=\"%lld\" errors=\"%d\" skipped=\"0\">\n", name, (long long)tests, (long long)failures, errors);
    buffer_put_text(xml, line);
}

static void put_invariants(struct buffer *xml, const struct results *results)
{
    int64_t tests = 0, failures = 0;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        tests += invariant_shown(results, (enum invariant)i);
        failures += results->invariants[i].violations > 0;
    }
    put_suite(xml, "invariants", tests, failures, 0);
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct invariant_result *result = &results->invariants[i];
        slice message = SLICE_EMPTY;
        for (size_t e = 0; e < result->evidence_count && message.size == 0; e++) {
            message = result->evidence[e].violation ? slice_from(result->evidence[e].text) : message;
        }
        if (invariant_shown(results, (enum invariant)i)) {
            put_case(xml, "invariants", slice_from(invariant_name((enum invariant)i)), result->violations == 0, message);
        }
    }
    buffer_put_text(xml, "  </testsuite>\n");
}

static void put_expectations(struct buffer *xml, const struct results *results)
{
    int64_t failures = 0;
    char message[192];
    for (size_t i = 0; i < results->expectation_count; i++) {
        failures += expectation_fails(&results->expectations[i]);
    }
    put_suite(xml, "expectations", (int64_t)results->expectation_count, failures, 0);
    for (size_t i = 0; i < results->expectation_count; i++) {
        const struct expectation_result *result = &results->expectations[i];
        char found[VALUE_TEXT], bound[BOUND_TEXT];
        snprintf(message, sizeof message, "wanted %s, got %s", bound_text(result, bound), value_text(result->unit, result->value, found));
        put_case(xml, "expectations", result->expectation->text.size > 0 ? result->expectation->text : result->expectation->id, !expectation_fails(result), slice_from(message));
    }
    buffer_put_text(xml, "  </testsuite>\n");
}

enum err report_junit(const struct results *results, const char *folder, const char *path, char why[256], struct arena *arena)
{
    struct arena before = *arena;
    struct buffer xml = buffer_make(arena, 1 << 20);
    buffer_put_text(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"");
    xml_text(&xml, results->scenario->id);
    buffer_put_text(&xml, "\">\n");
    if (results->error.size > 0) {
        put_suite(&xml, "run", 1, 0, 1);
        buffer_put_text(&xml, "    <testcase classname=\"run\" name=\"the run comes to its end\"><error message=\"");
        xml_text(&xml, results->error);
        buffer_put_text(&xml, "\"/></testcase>\n  </testsuite>\n");
    }
    put_invariants(&xml, results);
    put_expectations(&xml, results);
    buffer_put_text(&xml, "</testsuites>\n");
    enum err err = xml.full ? ERR_LIMIT : report_file(folder, "junit.xml", buffer_slice(&xml), why);
    if (err == ERR_OK && path != NULL) {
        err = report_file("", path, buffer_slice(&xml), why);
    }
    arena->used = before.used;
    return err;
}
