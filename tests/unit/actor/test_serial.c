/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include "src/actor/serial.h"
#include "src/base/random.h"

static char memory[1 << 22] __attribute__((aligned(16)));
static char first[1 << 18], second[1 << 18];

static struct arena arena_fresh(void)
{
    return (struct arena){.memory = memory, .size = sizeof memory};
}

/* ---- Values with every field set. Constant memory on purpose: writing must not touch what it writes. */

static struct dataset inner = {
    .elements = (struct element[]){{.tag = TAG_StudyInstanceUID, .vr = VR('U', 'I'), .value = {"1.2.3", 5}}}, .count = 1, .capacity = 1};
static const struct element key_elements[] = {
    {.tag = TAG_QueryRetrieveLevel, .vr = VR('C', 'S'), .value = {"STUDY ", 6}},
    {.tag = TAG_ReferencedStudySequence, .vr = VR('S', 'Q'), .items = &inner, .item_count = 1},
    {.tag = TAG_PatientID, .vr = VR('L', 'O'), .value = {"9990000018", 10}},
};

static struct dataset *keys(void)
{
    static struct dataset dataset = {.count = 3, .capacity = 3};
    dataset.elements = (struct element *)(uintptr_t)key_elements;
    return &dataset;
}

static const struct context contexts_list[] = {
    {.id = 1, .abstract_syntax = {"1.2.840.10008.1.1", 17}, .transfer_syntaxes = {{"1.2.840.10008.1.2", 17}, {"1.2.840.10008.1.2.1", 19}},
     .syntax_count = 2, .scu = true, .result = CONTEXT_SYNTAX_UNKNOWN},
    {.id = 3, .abstract_syntax = {"1.2.3", 5}, .scp = true, .accepted_syntax = {"1.2.840.10008.1.2", 17}},
};

static struct contexts contexts(void)
{
    return (struct contexts){(struct context *)(uintptr_t)contexts_list, 2};
}

static struct object object(void)
{
    return (struct object){.sop_class_uid = SLICE("1.2"), .sop_instance_uid = SLICE("1.2.3.4"), .study_uid = SLICE("1.2.3"), .series_uid = SLICE("1.2.3.1"),
                           .transfer_syntax = SLICE("1.2.840.10008.1.2"), .patient_id = SLICE("A1"), .patient_issuer = SLICE("CARDIFF"),
                           .patient_name = SLICE("JONES^MAIR"), .birth_date = SLICE("19500101"), .accession = SLICE("77"), .accession_issuer = SLICE("CAV"),
                           .modality = SLICE("CT"), .dataset_sha256 = SLICE("ab"), .pixel_sha256 = SLICE("cd"), .size = 526336, .study = 12, .instance = -1, .span = 208,
                           .file = SLICE("objects/1.dcm"), .changed = keys()};
}

static struct message dimse_message(enum dimse_kind kind)
{
    struct message message = {.protocol = PROTOCOL_DICOM};
    message.dimse = (struct dimse){.kind = kind, .context_id = 5, .message_id = 65535, .status = 0xB000, .priority = 2, .sop_class_uid = SLICE("1.2"),
                                   .sop_instance_uid = SLICE("1.2.3.4"), .move_destination = SLICE("PONT"), .move_originator = SLICE("VEL"),
                                   .move_originator_id = 9, .remaining = DIMSE_COUNTER_ABSENT, .completed = 3, .failed = 1, .warning = 0,
                                   .error_comment = SLICE("why"), .type_id = 1, .identifier = keys(),
                                   .span = kind == DIMSE_C_FIND_RSP ? 64 : 0};
    if (kind == DIMSE_C_STORE_RQ || kind == DIMSE_C_STORE_RSP) {
        message.dimse.object = object();
    }
    return message;
}

static struct message hl7_message(void)
{
    struct message message = {.protocol = PROTOCOL_HL7, .unreadable = SLICE("MSH|")};
    struct hl7_value *value = &message.hl7;
    value->type = HL7_ORM_O01;
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        value->fields[i] = i % 2 == 0 ? SLICE("a field") : SLICE_EMPTY;
    }
    value->ids[0] = (struct hl7_id){SLICE("9990000018"), SLICE("NHS"), SLICE("NH")};
    value->id_count = 1;
    value->prior_ids[0] = (struct hl7_id){SLICE("77"), SLICE("CARDIFF"), SLICE_EMPTY};
    value->prior_id_count = 1;
    value->names[0] = (struct hl7_name){SLICE("JONES"), SLICE("MAIR"), SLICE("A"), SLICE("MRS"), SLICE("L")};
    value->names[1] = (struct hl7_name){SLICE("REES"), SLICE("MAIR"), SLICE_EMPTY, SLICE_EMPTY, SLICE("M")};
    value->name_count = 2;
    return message;
}

static struct plan_entry plan(void)
{
    struct plan_entry entry = {.kind = PLAN_FAULT, .id = 7, .verb = SLICE("down"), .argument_count = 2};
    entry.arguments[0] = (struct plan_argument){SLICE("for"), SLICE("2000000000")};
    entry.arguments[1] = (struct plan_argument){SLICE("note"), SLICE("x\\y")};
    return entry;
}

static struct message messages[DIMSE_COUNT + 1];

static struct run run(void)
{
    for (size_t i = 0; i < DIMSE_COUNT; i++) {
        messages[i] = dimse_message((enum dimse_kind)i);
    }
    messages[DIMSE_COUNT] = hl7_message();
    return (struct run){messages, DIMSE_COUNT + 1};
}

static struct event event_of(enum event_kind kind)
{
    static const struct relay_result results[] = {
        {.job = 3, .sop_instance_uid = {"1.2.3.4", 7}, .status = 0xA702, .dataset_sha256 = {"ab", 2}, .pixel_sha256 = {"cd", 2}, .size = 99, .span = 7},
        {.job = 3, .sop_instance_uid = {"1.2.3.5", 7}},
    };
    return (struct event){.kind = kind, .at_ns = 1267432200 * TIME_S, .sequence = 42, .channel = 17, .protocol = PROTOCOL_HL7, .calling = SLICE("VEL"),
                          .called = SLICE("PONT"), .address = SLICE("127.0.0.1"), .contexts = contexts(), .refusal = REFUSAL_PERMANENT, .reject_result = 1,
                          .reject_source = 2, .reject_reason = 7, .cause = CLOSED_LOST, .run = run(), .job = 3, .results = results, .result_count = 2,
                          .relay_ended = true, .relay_text = SLICE("deadline"), .object = object(), .plan = plan()};
}

static struct command command_of(enum command_kind kind)
{
    static const struct relay_item items[] = {{{"1.2.3.4", 7}, {"1.2", 3}, 12}, {{"1.2.3.16", 8}, {"1.2", 3}, 0}};
    struct command command = {.kind = kind, .channel = 17, .protocol = PROTOCOL_HL7, .peer = 4, .calling = SLICE("PONT"), .called = SLICE("VEL"),
                              .contexts = contexts(), .timeout_ns = TIME_S, .accept = ACCEPT_RELAY, .job = 3, .run = run(), .reject_result = 1,
                              .reject_source = 2, .reject_reason = 3, .text = SLICE("note"), .flag = true, .one_by_one = true};
    command.relay = (struct relay_job){.id = 3, .holder = 1, .destination = 2, .called_alias = SLICE("PONT1"), .study_uid = SLICE("1.2.3"), .items = items,
                                       .item_count = 2, .coercion = keys(), .coercion_source = SLICE("CARDIFF"), .move_originator = SLICE("VEL"),
                                       .move_originator_id = 8, .deadline_ns = TIME_NEVER};
    return command;
}

/* ---- Round trips: what is read back writes the same bytes, and says the same to people. */

static slice event_json(const struct event *event, char *text)
{
    struct buffer buffer = buffer_over(text, sizeof first);
    event_put_json(event, &buffer);
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

START_TEST(event_of_every_kind_comes_back_equal)
{
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        struct event event = event_of((enum event_kind)kind), back, copy;
        struct arena arena = arena_fresh();
        struct buffer a = buffer_over(first, sizeof first), b = buffer_over(second, sizeof second);
        event_write(&event, &a);
        ck_assert(!a.full);
        ck_assert_int_eq(event_read(&back, buffer_slice(&a), &arena), ERR_OK);
        event_write(&back, &b);
        ck_assert(slice_equal(buffer_slice(&a), buffer_slice(&b)));
        ck_assert_int_eq(event_copy(&copy, &event, &arena), ERR_OK);
        b = buffer_over(second, sizeof second);
        event_write(&copy, &b);
        ck_assert(slice_equal(buffer_slice(&a), buffer_slice(&b)));
        ck_assert(slice_equal(event_json(&event, first), event_json(&back, second)));
    }
}
END_TEST

START_TEST(command_of_every_kind_comes_back_equal)
{
    for (int kind = 0; kind < COMMAND_KIND_COUNT; kind++) {
        struct command command = command_of((enum command_kind)kind), back, copy;
        struct arena arena = arena_fresh();
        struct buffer a = buffer_over(first, sizeof first), b = buffer_over(second, sizeof second);
        command_write(&command, &a);
        ck_assert_int_eq(command_read(&back, buffer_slice(&a), &arena), ERR_OK);
        command_write(&back, &b);
        ck_assert(slice_equal(buffer_slice(&a), buffer_slice(&b)));
        ck_assert_int_eq(command_copy(&copy, &command, &arena), ERR_OK);
        b = buffer_over(second, sizeof second);
        command_write(&copy, &b);
        ck_assert(slice_equal(buffer_slice(&a), buffer_slice(&b)));
        enum command_kind peeked;
        int64_t channel;
        ck_assert_int_eq(command_peek(buffer_slice(&a), &peeked, &channel), ERR_OK);
        ck_assert_int_eq(peeked, kind);
        ck_assert_int_eq(channel, 17);
    }
}
END_TEST

START_TEST(received_message_keeps_its_values)
{
    struct event event = event_of(EVENT_RECEIVED), back;
    struct arena arena = arena_fresh();
    struct buffer buffer = buffer_over(first, sizeof first);
    event_write(&event, &buffer);
    ck_assert_int_eq(event_read(&back, buffer_slice(&buffer), &arena), ERR_OK);
    ck_assert_uint_eq(back.run.count, DIMSE_COUNT + 1);
    const struct dimse *find = &back.run.messages[DIMSE_C_FIND_RQ].dimse;
    ck_assert_int_eq(find->remaining, DIMSE_COUNTER_ABSENT);
    ck_assert(dataset_equal(find->identifier, keys()));
    ck_assert(slice_equal(dataset_get(find->identifier, TAG_PatientID), SLICE("9990000018")));
    ck_assert_int_eq(back.run.messages[DIMSE_C_STORE_RQ].dimse.object.instance, -1);
    ck_assert_uint_eq(dimse_instances(&back.run.messages[DIMSE_C_STORE_RQ].dimse), 208);
    ck_assert_uint_eq(dimse_instances(&back.run.messages[DIMSE_C_FIND_RSP].dimse), 64);
    ck_assert_uint_eq(dimse_instances(find), 1);
    ck_assert(hl7_value_equal(&back.run.messages[DIMSE_COUNT].hl7, &messages[DIMSE_COUNT].hl7));
}
END_TEST

START_TEST(record_comes_back_equal_with_texts_numbers_and_gaps)
{
    struct record record = {.table = 3, .deleted = true}, back;
    record.values[0].text = SLICE("CARDIFF");
    record.values[2].integer = INT64_MIN;
    record.values[23].text = SLICE("last");
    struct arena arena = arena_fresh();
    struct buffer buffer = buffer_over(first, sizeof first);
    record_write(&record, &buffer);
    ck_assert_int_eq(record_read(&back, buffer_slice(&buffer), &arena), ERR_OK);
    ck_assert(back.deleted);
    ck_assert_uint_eq(back.table, 3);
    ck_assert(slice_equal(back.values[0].text, SLICE("CARDIFF")));
    ck_assert_int_eq(back.values[2].integer, INT64_MIN);
    ck_assert(slice_equal(back.values[23].text, SLICE("last")));
    ck_assert_uint_eq(back.values[22].text.size, 0);
    ck_assert_int_eq(record_copy(&record, &back, &arena), ERR_OK);
    ck_assert(slice_equal(record.values[23].text, SLICE("last")));
}
END_TEST

/* ---- What others wrote. */

START_TEST(event_cut_short_anywhere_is_refused)
{
    struct event event = event_of(EVENT_RECEIVED), back;
    struct buffer buffer = buffer_over(first, sizeof first);
    event_write(&event, &buffer);
    for (size_t size = 0; size < buffer.size; size += size < 200 ? 1 : 37) {
        struct arena arena = arena_fresh();
        ck_assert_int_eq(event_read(&back, (slice){first, size}, &arena), ERR_BAD_MESSAGE);
    }
}
END_TEST

START_TEST(changed_bytes_never_do_harm)
{
    for (uint64_t round = 0; round < 3000; round++) {
        struct event event = event_of((enum event_kind)(round % EVENT_KIND_COUNT)), back;
        struct arena arena = arena_fresh();
        struct buffer buffer = buffer_over(first, sizeof first);
        event_write(&event, &buffer);
        for (uint64_t i = 0; i < 3; i++) {
            size_t at = random_below(random_draw(1, PURPOSE('f', 'l', 'i', 'p'), round, i), buffer.size);
            first[at] = (char)random_draw(1, PURPOSE('b', 'y', 't', 'e'), round, i);
        }
        if (event_read(&back, buffer_slice(&buffer), &arena) == ERR_OK) {
            (void)event_json(&back, second);
        }
    }
}
END_TEST

START_TEST(event_read_fails_cleanly_when_the_arena_is_too_small)
{
    struct event event = event_of(EVENT_RECEIVED), back;
    struct buffer buffer = buffer_over(first, sizeof first);
    event_write(&event, &buffer);
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size += 1024) {
        ck_assert_uint_le(size, sizeof memory);
        struct arena arena = {.memory = memory, .size = size};
        err = event_read(&back, buffer_slice(&buffer), &arena);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

START_TEST(event_is_stamped_where_it_is_taken)
{
    struct event event = event_of(EVENT_ROOM), back;
    struct arena arena = arena_fresh();
    struct buffer buffer = buffer_over(first, sizeof first);
    event_write(&event, &buffer);
    event_stamp(first, 5 * TIME_S, 1234567890123);
    ck_assert_int_eq(event_read(&back, buffer_slice(&buffer), &arena), ERR_OK);
    ck_assert_int_eq(back.at_ns, 5 * TIME_S);
    ck_assert_int_eq(back.sequence, 1234567890123);
    ck_assert_int_eq(back.channel, 17);
}
END_TEST

START_TEST(trace_line_decodes_the_message_for_people)
{
    struct event event = event_of(EVENT_RECEIVED);
    event.run = (struct run){&messages[DIMSE_C_FIND_RSP], 1};
    messages[DIMSE_C_FIND_RSP] = dimse_message(DIMSE_C_FIND_RSP);
    slice line = event_json(&event, first);
    first[line.size] = '\0';
    ck_assert_str_eq(first, "{\"t\":1267432200000000000,\"n\":42,\"in\":\"RECEIVED\",\"channel\":17,\"messages\":[{\"dimse\":\"C-FIND-RSP\",\"context\":5,"
                            "\"id\":65535,\"status\":\"B000\",\"class\":\"1.2\",\"instance\":\"1.2.3.4\",\"destination\":\"PONT\",\"originator\":\"VEL\","
                            "\"originator_id\":9,\"comment\":\"why\",\"type\":1,\"span\":64,\"keys\":{\"QueryRetrieveLevel\":\"STUDY\",\"ReferencedStudySequence\":"
                            "[{\"StudyInstanceUID\":\"1.2.3\"}],\"PatientID\":\"9990000018\"}}]}");
}
END_TEST

UNIT_MAIN(event_of_every_kind_comes_back_equal, command_of_every_kind_comes_back_equal, received_message_keeps_its_values,
          record_comes_back_equal_with_texts_numbers_and_gaps, event_cut_short_anywhere_is_refused, changed_bytes_never_do_harm,
          event_read_fails_cleanly_when_the_arena_is_too_small, event_is_stamped_where_it_is_taken, trace_line_decodes_the_message_for_people)
