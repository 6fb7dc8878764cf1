/* SPDX-License-Identifier: MIT */
#include "src/engine/relay.h"

#include "src/dicom/uid.h"
#include "tests/unit/unit.h"

#define ITEMS 130

static char memory[1 << 20];
static struct arena arena;
static struct relay *relay;
static char names[ITEMS][16];

static slice uid_of(size_t i)
{
    return (slice){names[i], strlen(names[i])};
}

static void make(size_t count)
{
    static struct relay_item items[ITEMS];
    arena = (struct arena){.memory = memory, .size = sizeof memory};
    for (size_t i = 0; i < count; i++) {
        struct buffer name = buffer_over(names[i], sizeof names[i] - 1);
        buffer_put_text(&name, "1.2.3.");
        buffer_put_int(&name, (int64_t)i);
        names[i][name.size] = 0;
        items[i] = (struct relay_item){uid_of(i), UID_CT_IMAGE, 1};
    }
    struct relay_job job = {.id = 7, .study_uid = SLICE("1.2.3"), .items = items, .item_count = count};
    ck_assert_int_eq(relay_init(&relay, &job, &arena), ERR_OK);
    memset(items, 0, sizeof items); /* the relay keeps copies */
}

static uint16_t offer(size_t i)
{
    slice finding;
    return relay_offer(relay, uid_of(i), SLICE("1.2.3"), &finding);
}

static void take(size_t i, uint16_t status, time_ns at)
{
    struct relay_result result = {.job = 7, .sop_instance_uid = uid_of(i), .status = status};
    relay_took(relay, &result, at);
}

START_TEST(relay_passes_what_the_manifest_lists_and_refuses_the_rest)
{
    static const struct {
        const char *sop, *study;
        uint16_t status;
        bool finding;
    } rows[] = {
        {"1.2.3.0", "1.2.3", STATUS_SUCCESS, false},
        {"1.2.3.0", "1.2.3", STATUS_DUPLICATE_INSTANCE, true}, /* still passing */
        {"1.2.3.9", "1.2.3", STATUS_NOT_AUTHORISED, true},     /* not listed */
        {"1.2.3.1", "1.2.4", STATUS_NOT_AUTHORISED, true},     /* another study */
        {"1.2.3.1 ", "1.2.3 ", STATUS_SUCCESS, false},         /* trailing space: a quirk */
    };
    make(2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slice finding;
        uint16_t status = relay_offer(relay, slice_from(rows[i].sop), slice_from(rows[i].study), &finding);
        ck_assert_uint_eq(status, rows[i].status);
        ck_assert_int_eq(finding.size > 0, rows[i].finding);
    }
}
END_TEST

START_TEST(relay_refuses_what_was_delivered_and_takes_again_what_failed)
{
    make(2);
    ck_assert_uint_eq(offer(0), STATUS_SUCCESS);
    ck_assert_uint_eq(offer(1), STATUS_SUCCESS);
    take(0, 0xB007, 0);
    take(1, STATUS_OUT_OF_RESOURCES, 0);
    ck_assert_uint_eq(offer(0), STATUS_DUPLICATE_INSTANCE);
    ck_assert_uint_eq(offer(1), STATUS_SUCCESS);
}
END_TEST

START_TEST(relay_gives_results_when_64_wait)
{
    const struct relay_result *results;
    size_t count = 0;
    make(ITEMS);
    for (size_t i = 0; i < 63; i++) {
        ck_assert_uint_eq(offer(i), STATUS_SUCCESS);
        take(i, STATUS_SUCCESS, 5);
    }
    ck_assert(!relay_batch(relay, 5, false, &results, &count));
    ck_assert_uint_eq(offer(63), STATUS_SUCCESS);
    take(63, STATUS_SUCCESS, 5);
    ck_assert(relay_batch(relay, 5, false, &results, &count));
    ck_assert_uint_eq(count, 64);
    ck_assert(slice_equal(results[63].sop_instance_uid, uid_of(63)));
    ck_assert_int_eq(results[0].job, 7);
    ck_assert(!relay_batch(relay, TIME_S, true, &results, &count));
}
END_TEST

START_TEST(relay_gives_results_when_the_oldest_waits_50_ms)
{
    const struct relay_result *results;
    size_t count = 0;
    make(3);
    ck_assert_int_eq(relay_due(relay), TIME_NEVER);
    ck_assert_uint_eq(offer(0), STATUS_SUCCESS);
    take(0, STATUS_SUCCESS, TIME_S);
    ck_assert_int_eq(relay_due(relay), TIME_S + 50 * TIME_MS);
    ck_assert(!relay_batch(relay, TIME_S + 50 * TIME_MS - 1, false, &results, &count));
    ck_assert(relay_batch(relay, TIME_S + 50 * TIME_MS, false, &results, &count));
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(relay_due(relay), TIME_NEVER);
}
END_TEST

START_TEST(relay_tells_an_instance_tried_again_once_with_its_last_status)
{
    const struct relay_result *results;
    size_t count = 0;
    make(1);
    ck_assert_uint_eq(offer(0), STATUS_SUCCESS);
    take(0, STATUS_OUT_OF_RESOURCES, 0);
    ck_assert_uint_eq(offer(0), STATUS_SUCCESS);
    take(0, STATUS_SUCCESS, 1);
    ck_assert(relay_batch(relay, 1, true, &results, &count));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(results[0].status, STATUS_SUCCESS);
}
END_TEST

START_TEST(relay_is_complete_when_every_item_has_an_answer)
{
    make(2);
    ck_assert(!relay_complete(relay));
    ck_assert_uint_eq(offer(0), STATUS_SUCCESS);
    take(0, STATUS_SUCCESS, 0);
    take(0, STATUS_SUCCESS, 0);
    ck_assert(!relay_complete(relay));
    ck_assert_uint_eq(offer(1), STATUS_SUCCESS);
    take(1, STATUS_OUT_OF_RESOURCES, 0);
    ck_assert(relay_complete(relay));
}
END_TEST

START_TEST(relay_accepts_nothing_once_closed_and_still_gives_its_results)
{
    const struct relay_result *results;
    size_t count = 0;
    make(2);
    ck_assert_uint_eq(offer(0), STATUS_SUCCESS);
    relay_close(relay);
    ck_assert_uint_eq(offer(1), STATUS_OUT_OF_RESOURCES);
    take(0, STATUS_SUCCESS, 0);
    ck_assert(relay_batch(relay, 0, true, &results, &count));
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(relay_proposes_storage_in_syntaxes_it_can_pass_and_answers_what_both_share)
{
    struct context asked_list[] = {
        {.id = 1, .abstract_syntax = UID_CT_IMAGE, .transfer_syntaxes = {UID_DEFLATED, UID_JPEG_LS, UID_IMPLICIT_LITTLE}, .syntax_count = 3},
        {.id = 3, .abstract_syntax = UID_VERIFICATION, .transfer_syntaxes = {UID_IMPLICIT_LITTLE}, .syntax_count = 1},
        {.id = 5, .abstract_syntax = UID_MR_IMAGE, .transfer_syntaxes = {UID_EXPLICIT_LITTLE}, .syntax_count = 1},
        {.id = 7, .abstract_syntax = UID_CT_IMAGE, .transfer_syntaxes = {UID_IMPLICIT_LITTLE}, .syntax_count = 1},
    };
    struct contexts asked = {asked_list, 4}, proposed, answered;
    make(1);
    ck_assert_int_eq(relay_propose(relay, &asked, &proposed, &arena), ERR_OK);
    ck_assert_uint_eq(proposed.count, 3);
    ck_assert_uint_eq(proposed.list[0].syntax_count, 2);

    proposed.list[0].accepted_syntax = UID_IMPLICIT_LITTLE; /* result 0 is acceptance */
    proposed.list[1].result = CONTEXT_ABSTRACT_UNKNOWN;
    proposed.list[2].result = CONTEXT_USER_REJECTED;
    ck_assert_int_eq(relay_answer(relay, &asked, &proposed, &answered, &arena), ERR_OK);
    ck_assert_uint_eq(answered.count, 4);
    ck_assert_int_eq(answered.list[0].result, CONTEXT_ACCEPTED);
    ck_assert(slice_equal(answered.list[0].accepted_syntax, UID_IMPLICIT_LITTLE));
    ck_assert_int_eq(answered.list[1].result, CONTEXT_ABSTRACT_UNKNOWN);
    ck_assert_int_eq(answered.list[2].result, CONTEXT_ABSTRACT_UNKNOWN);
    ck_assert_int_eq(answered.list[3].result, CONTEXT_ACCEPTED); /* by class: its own id was rejected */
}
END_TEST

START_TEST(relay_init_fails_cleanly_at_every_arena_size)
{
    struct relay_item items[] = {{SLICE("1.2.3.1"), SLICE("1.2"), 1}, {SLICE("1.2.3.2"), SLICE("1.2"), 1}};
    struct relay_job job = {.id = 1, .study_uid = SLICE("1.2.3"), .items = items, .item_count = 2};
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size += 16) {
        ck_assert_uint_le(size, sizeof memory);
        struct arena small = {.memory = memory, .size = size};
        err = relay_init(&relay, &job, &small);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

UNIT_MAIN(relay_passes_what_the_manifest_lists_and_refuses_the_rest,
          relay_refuses_what_was_delivered_and_takes_again_what_failed,
          relay_gives_results_when_64_wait, relay_gives_results_when_the_oldest_waits_50_ms,
          relay_tells_an_instance_tried_again_once_with_its_last_status,
          relay_is_complete_when_every_item_has_an_answer,
          relay_accepts_nothing_once_closed_and_still_gives_its_results,
          relay_proposes_storage_in_syntaxes_it_can_pass_and_answers_what_both_share,
          relay_init_fails_cleanly_at_every_arena_size)
