/* SPDX-License-Identifier: MIT */
#include "tests/unit/wire/rig.h"

#define ROWS 150

/* ---- The server: accepts everybody, answers everything. */

struct server {
    int64_t rows_sent;
    uint16_t find_id;
    uint8_t find_context;
    bool deaf; /* answers nothing */
};

static void send_rows(struct server *server, const struct event *event, struct out *out)
{
    size_t count = ROWS - server->rows_sent < RUN_MAX ? (size_t)(ROWS - server->rows_sent) : RUN_MAX;
    struct message *rows = arena_array(out->arena, count + 1, sizeof *rows);
    struct command *send = out_command(out, COMMAND_SEND);
    struct dimse request = {.kind = DIMSE_C_FIND_RQ, .context_id = server->find_context, .message_id = server->find_id, .sop_class_uid = UID_STUDY_ROOT_FIND};
    for (size_t i = 0; i < count; i++) {
        struct dataset *row = arena_alloc(out->arena, sizeof *row);
        struct buffer number = buffer_make(out->arena, 24);
        buffer_put_int(&number, server->rows_sent + (int64_t)i);
        ck_assert_int_eq(dataset_init(row, out->arena, 2), ERR_OK);
        ck_assert_int_eq(dataset_put(row, TAG_PatientID, buffer_slice(&number)), ERR_OK);
        rows[i] = (struct message){.protocol = PROTOCOL_DICOM, .dimse = dimse_response(&request, STATUS_PENDING)};
        rows[i].dimse.identifier = row;
    }
    if (count == 0) {
        rows[count++] = (struct message){.protocol = PROTOCOL_DICOM, .dimse = dimse_response(&request, STATUS_SUCCESS)};
        server->find_id = 0;
    } else {
        server->rows_sent += (int64_t)count;
    }
    send->channel = event->channel;
    send->run = (struct run){rows, count};
}

static void serve_message(struct server *server, const struct event *event, const struct message *message, struct out *out)
{
    if (message->protocol == PROTOCOL_HL7) {
        struct hl7_value ack = hl7_ack(&message->hl7, message->unreadable.size > 0 ? SLICE("AR") : SLICE("AA"), SLICE_EMPTY, SLICE("ACK1"));
        say(out, event, message->unreadable.size > 0 ? "unreadable" : "readable", 1, 0);
        out_send_hl7(out, event->channel, &ack);
        return;
    }
    const struct dimse *dimse = &message->dimse;
    struct dimse response = dimse_response(dimse, STATUS_SUCCESS);
    if (dimse->kind == DIMSE_C_STORE_RQ) {
        struct observation *delivered = out_observe(out, OBSERVATION_delivered, event->at_ns);
        delivered->sop_uid = dimse->object.sop_instance_uid;
        delivered->patient_id = dimse->object.patient_id;
        delivered->pixel_sha256 = dimse->object.pixel_sha256;
        delivered->count = dimse->object.size;
    }
    if (dimse->kind == DIMSE_C_FIND_RQ) {
        server->find_id = dimse->message_id;
        server->find_context = dimse->context_id;
        server->rows_sent = 0;
        send_rows(server, event, out);
    } else if (dimse->kind == DIMSE_C_ECHO_RQ || dimse->kind == DIMSE_C_STORE_RQ) {
        out_send_dimse(out, event->channel, &response);
    }
}

static enum err server_step(void *self, const struct event *event, struct out *out)
{
    struct server *server = self;
    switch (event->kind) {
    case EVENT_ASKED:
        (void)accept_all(out, event);
        break;
    case EVENT_RECEIVED:
        for (size_t i = 0; i < event->run.count && !server->deaf; i++) {
            serve_message(server, event, &event->run.messages[i], out);
        }
        break;
    case EVENT_ROOM:
        if (server->find_id != 0) {
            send_rows(server, event, out);
        }
        break;
    case EVENT_CLOSED:
        say(out, event, "closed", event->channel, event->cause);
        break;
    case EVENT_PLAN:
        if (slice_equal(event->plan.verb, SLICE("deaf"))) {
            server->deaf = true;
        } else {
            out_command(out, COMMAND_LISTEN)->flag = event->plan.kind == PLAN_HEAL;
            if (event->plan.kind == PLAN_FAULT) {
                (void)out_command(out, COMMAND_DROP_ALL);
            }
        }
        say(out, event, "told", event->plan.id, 0);
        break;
    default:
        break;
    }
    return ERR_OK;
}

/* ---- The client: opens, sends one thing, says what came of it, closes. */

struct client {
    slice verb;
    char verb_text[16];
    int64_t channel, rows, runs;
    bool stays; /* does not close after the answer */
};

static void send_stores(const struct event *event, struct out *out, size_t count)
{
    struct message *messages = arena_array(out->arena, count, sizeof *messages);
    struct command *send = out_command(out, COMMAND_SEND);
    for (size_t i = 0; i < count; i++) {
        struct buffer uid = buffer_make(out->arena, 32);
        buffer_put_text(&uid, "1.2.3.");
        buffer_put_int(&uid, (int64_t)i + 1);
        struct dimse *store = &messages[i].dimse;
        *store = (struct dimse){.kind = DIMSE_C_STORE_RQ, .message_id = (uint16_t)(i + 1), .sop_class_uid = i == 2 ? UID_MR_IMAGE : UID_CT_IMAGE,
                                .sop_instance_uid = buffer_slice(&uid)};
        store->object = (struct object){.sop_class_uid = store->sop_class_uid, .sop_instance_uid = store->sop_instance_uid, .study = 1, .instance = (int64_t)i};
    }
    send->channel = event->channel;
    send->run = (struct run){messages, count};
}

static void client_send(struct client *client, const struct event *event, struct out *out)
{
    struct dataset *keys = arena_alloc(out->arena, sizeof *keys);
    ck_assert_int_eq(dataset_init(keys, out->arena, 4), ERR_OK);
    ck_assert_int_eq(dataset_put(keys, TAG_PatientID, SLICE_EMPTY), ERR_OK);
    if (slice_equal(client->verb, SLICE("store"))) {
        send_stores(event, out, 5);
    } else if (slice_equal(client->verb, SLICE("find"))) {
        out_send_dimse(out, event->channel, &(struct dimse){.kind = DIMSE_C_FIND_RQ, .message_id = 7, .sop_class_uid = UID_STUDY_ROOT_FIND, .identifier = keys});
    } else if (slice_equal(client->verb, SLICE("hl7"))) {
        struct hl7_value order = {.type = HL7_ADT_A08};
        order.fields[HL7_FIELD_CONTROL_ID] = SLICE("C1");
        order.fields[HL7_FIELD_SENDER] = SLICE("RADIS2");
        out_send_hl7(out, event->channel, &order);
    } else if (slice_equal(client->verb, SLICE("raw"))) {
        struct message *raw = arena_alloc(out->arena, sizeof *raw);
        struct command *send = out_command(out, COMMAND_SEND);
        *raw = (struct message){.protocol = PROTOCOL_HL7, .unreadable = SLICE("MSH|^~\\&|A|B|C|D||x|NO^SUCH|9|P|2.5\r")};
        send->channel = event->channel;
        send->run = (struct run){raw, 1};
    } else {
        out_send_dimse(out, event->channel, &(struct dimse){.kind = DIMSE_C_ECHO_RQ, .message_id = 3, .sop_class_uid = UID_VERIFICATION});
    }
}

static void client_open(struct client *client, const struct event *event, struct out *out)
{
    slice verb = event->plan.verb;
    memcpy(client->verb_text, verb.data, verb.size < 16 ? verb.size : 16);
    client->verb = (slice){client->verb_text, verb.size};
    client->rows = client->runs = 0;
    client->channel = client->channel == 0 ? 1 : client->channel + 2;
    client->stays = plan_get(&event->plan, "stays").size > 0;
    bool hl7 = slice_equal(verb, SLICE("hl7")) || slice_equal(verb, SLICE("raw"));
    slice abstract = slice_equal(verb, SLICE("store")) ? UID_CT_IMAGE : slice_equal(verb, SLICE("find")) ? UID_STUDY_ROOT_FIND : UID_VERIFICATION;
    struct command *open = open_to(out, client->channel, (uint32_t)plan_get_int(&event->plan, "peer", 0), abstract,
                                   slice_equal(verb, SLICE("find")) ? UID_EXPLICIT_LITTLE : UID_IMPLICIT_LITTLE);
    open->protocol = hl7 ? PROTOCOL_HL7 : PROTOCOL_DICOM;
}

static void client_receive(struct client *client, const struct event *event, struct out *out)
{
    client->runs++;
    for (size_t i = 0; i < event->run.count; i++) {
        const struct message *message = &event->run.messages[i];
        if (message->protocol == PROTOCOL_HL7) {
            say(out, event, "acked", slice_equal(message->hl7.fields[HL7_FIELD_ACK_CODE], SLICE("AA")), 0);
        } else if (message->dimse.kind == DIMSE_C_FIND_RSP && status_is_pending(message->dimse.status)) {
            int64_t row = -1;
            ck_assert(slice_to_int64(dataset_get(message->dimse.identifier, TAG_PatientID), &row));
            client->rows += row == client->rows;
        } else if (message->dimse.kind == DIMSE_C_STORE_RSP) {
            char text[80];
            snprintf(text, sizeof text, "stored %.*s", SLICE_ARGS(message->dimse.object.sop_instance_uid));
            say(out, event, text, (int64_t)event->run.count, message->dimse.status);
            client->rows++;
        } else {
            say(out, event, dimse_text(message->dimse.kind), client->rows, client->runs);
        }
    }
    bool waits = (slice_equal(client->verb, SLICE("store")) && client->rows < 5) ||
                 (slice_equal(client->verb, SLICE("find")) && event->run.messages[event->run.count - 1].dimse.status == STATUS_PENDING);
    if (!waits && !client->stays) {
        out_command(out, COMMAND_CLOSE)->channel = event->channel;
    }
}

static enum err client_step(void *self, const struct event *event, struct out *out)
{
    struct client *client = self;
    if (event->kind == EVENT_PLAN && slice_equal(event->plan.verb, SLICE("abort"))) {
        out_command(out, COMMAND_ABORT)->channel = client->channel;
    } else if (event->kind == EVENT_PLAN) {
        client_open(client, event, out);
    } else if (event->kind == EVENT_OPENED) {
        client_send(client, event, out);
    } else if (event->kind == EVENT_RECEIVED) {
        client_receive(client, event, out);
    } else if (event->kind == EVENT_REFUSED) {
        say(out, event, "refused", event->channel, event->refusal);
    } else if (event->kind == EVENT_CLOSED) {
        say(out, event, "closed", event->channel, event->cause);
    }
    return ERR_OK;
}

/* ---- Objects: a small CT slice, the same bytes for every instance but its UID. */

static slice make_dataset(char *memory, size_t size, slice sop_instance_uid)
{
    static char pixels[64];
    struct element elements[8] = {
        {.tag = TAG_SOPClassUID, .vr = VR('U', 'I'), .value = UID_CT_IMAGE},
        {.tag = TAG_SOPInstanceUID, .vr = VR('U', 'I'), .value = sop_instance_uid},
        {.tag = TAG_PatientID, .vr = VR('L', 'O'), .value = SLICE("A1")},
        {.tag = TAG_StudyInstanceUID, .vr = VR('U', 'I'), .value = SLICE("1.2.3")},
        {.tag = TAG_SeriesInstanceUID, .vr = VR('U', 'I'), .value = SLICE("1.2.3.0")},
        {.tag = TAG_PixelData, .vr = VR('O', 'W'), .value = {pixels, sizeof pixels}},
    };
    struct dataset dataset = {elements, 6, 8};
    struct buffer buffer = buffer_over(memory, size);
    dataset_write(&dataset, SYNTAX_IMPLICIT_LITTLE, &buffer);
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

static enum err make_object(void *self, const struct object *object, slice transfer_syntax, struct object_bytes *out)
{
    (void)self;
    (void)transfer_syntax;
    if (object->instance == 3) {
        return ERR_NOT_FOUND;
    }
    out->handle = malloc(4096);
    out->data = make_dataset(out->handle, 4096, object->sop_instance_uid);
    return ERR_OK;
}

static void drop_object(void *self, struct object_bytes *bytes)
{
    (void)self;
    free(bytes->handle);
}

/* ---- The pair. */

static struct rig server_rig, client_rig;
static struct server server;
static struct client client;

static void begin(void)
{
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    server_rig.actor = (struct actor){.self = &server, .step = server_step, .due = never};
    server_rig.config.dicom_any_port = server_rig.config.hl7_any_port = true;
    rig_start(&server_rig, "server");
    rig_peer(0, "server", "SERVER", server_rig.dicom_port, server_rig.hl7_port);
    rig_peer(1, "nobody", "NOBODY", 1, 1);
    client_rig.actor = (struct actor){.self = &client, .step = client_step, .due = never};
    client_rig.config.titles = &rig_peers[3].name;
    rig_peers[3].name = SLICE("CLIENT");
    client_rig.config.title_count = 1;
    client_rig.config.source = (struct object_source){NULL, make_object, drop_object};
    rig_start(&client_rig, "client");
}

static void end(void)
{
    rig_stop(&client_rig);
    rig_stop(&server_rig);
}

START_TEST(wire_echo_goes_there_and_back_and_both_sides_see_one_end)
{
    begin();
    rig_tell(&client_rig, "{\"id\":1,\"kind\":\"do\",\"verb\":\"echo\",\"args\":{\"peer\":\"0\"}}\n");
    ck_assert(rig_hears(&client_rig, "C-ECHO-RSP", "note"));
    ck_assert(rig_hears(&client_rig, "closed", "\"count\":1")); /* number absent: 0, released */
    ck_assert(rig_hears(&server_rig, "closed", "\"count\":2"));
    end();
}
END_TEST

START_TEST(wire_find_rows_arrive_in_order_in_few_runs_and_then_the_final_answer)
{
    begin();
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"find\",\"args\":{}}\n");
    ck_assert(rig_hears(&client_rig, "C-FIND-RSP", "\"count\":150"));
    ck_assert(rig_hears(&client_rig, "closed", ""));
    ck_assert_int_lt(client.runs, 60);
    end();
}
END_TEST

START_TEST(wire_stores_are_sent_one_by_one_and_answered_in_order)
{
    begin();
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"store\",\"args\":{}}\n");
    ck_assert(rig_hears(&server_rig, "1.2.3.1", "\"patient_id\":\"A1\""));
    ck_assert(rig_hears(&server_rig, "1.2.3.2", "pixel_sha256"));
    ck_assert(rig_hears(&server_rig, "1.2.3.5", "delivered"));
    ck_assert(rig_hears(&client_rig, "stored 1.2.3.1", ""));
    ck_assert(rig_hears(&client_rig, "stored 1.2.3.2", ""));
    ck_assert(rig_hears(&client_rig, "stored 1.2.3.3", "\"number\":290")); /* 0122: no context for MR */
    ck_assert(rig_hears(&client_rig, "stored 1.2.3.4", "\"number\":49152")); /* C000: the source has no such object */
    ck_assert(rig_hears(&client_rig, "stored 1.2.3.5", ""));
    ck_assert(rig_hears(&client_rig, "closed", ""));
    end();
}
END_TEST

START_TEST(wire_hl7_goes_there_and_back)
{
    begin();
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"hl7\",\"args\":{}}\n");
    ck_assert(rig_hears(&server_rig, "\"readable\"", ""));
    ck_assert(rig_hears(&client_rig, "acked", "\"count\":1"));
    ck_assert(rig_hears(&client_rig, "closed", ""));
    end();
}
END_TEST

START_TEST(wire_hl7_that_cannot_be_read_reaches_the_actor_as_it_came)
{
    begin();
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"raw\",\"args\":{}}\n");
    ck_assert(rig_hears(&server_rig, "\"unreadable\"", ""));
    ck_assert(rig_hears(&client_rig, "acked", ""));
    end();
}
END_TEST

START_TEST(wire_open_to_nobody_is_refused_once)
{
    begin();
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"echo\",\"args\":{\"peer\":\"1\"}}\n{\"kind\":\"do\",\"verb\":\"hl7\",\"args\":{\"peer\":\"1\"}}\n");
    ck_assert(rig_hears(&client_rig, "refused", ""));
    ck_assert(rig_hears(&client_rig, "refused", ""));
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"echo\",\"args\":{\"peer\":\"0\"}}\n");
    ck_assert(rig_hears(&client_rig, "closed", "\"count\":5")); /* and neither of the two was told closed */
    end();
}
END_TEST

START_TEST(wire_node_that_goes_down_cuts_its_channels_and_refuses_until_healed)
{
    begin();
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"echo\",\"args\":{\"stays\":\"yes\"}}\n");
    ck_assert(rig_hears(&client_rig, "C-ECHO-RSP", ""));
    rig_tell(&server_rig, "{\"id\":5,\"kind\":\"fault\",\"verb\":\"down\",\"args\":{}}\n");
    ck_assert(rig_hears(&client_rig, "closed", "\"number\":3")); /* lost */
    ck_assert(rig_hears(&server_rig, "closed", "\"number\":2")); /* cut by us */
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"echo\",\"args\":{}}\n");
    ck_assert(rig_hears(&client_rig, "refused", "\"count\":3"));
    rig_tell(&server_rig, "{\"id\":6,\"kind\":\"heal\",\"verb\":\"down\",\"args\":{}}\n");
    ck_assert(rig_hears(&server_rig, "told", "\"count\":6"));
    for (;;) { /* the port opens a moment after the node was told */
        rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"hl7\",\"args\":{}}\n");
        ck_assert(rig_hears(&client_rig, "\"note\"", ""));
        if (client.runs > 0) {
            break;
        }
    }
    end();
}
END_TEST

START_TEST(wire_abort_ends_a_run_that_waits_for_an_answer)
{
    begin();
    rig_tell(&server_rig, "{\"id\":5,\"kind\":\"do\",\"verb\":\"deaf\",\"args\":{}}\n");
    ck_assert(rig_hears(&server_rig, "told", ""));
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"store\",\"args\":{}}\n{\"kind\":\"do\",\"verb\":\"abort\",\"args\":{}}\n");
    ck_assert(rig_hears(&client_rig, "", "\"number\":2")); /* closed: aborted by us */
    end();
}
END_TEST

START_TEST(wire_quit_closes_what_is_open)
{
    begin();
    rig_tell(&client_rig, "{\"kind\":\"do\",\"verb\":\"echo\",\"args\":{\"stays\":\"yes\"}}\n");
    ck_assert(rig_hears(&client_rig, "C-ECHO-RSP", ""));
    rig_stop(&client_rig);
    ck_assert(rig_hears(&server_rig, "closed", "\"count\":2"));
    rig_stop(&server_rig);
}
END_TEST

START_TEST(control_line_becomes_a_plan_entry)
{
    static char memory[1 << 16] __attribute__((aligned(16)));
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct event event;
    bool quit;
    ck_assert_int_eq(control_parse(SLICE("{\"id\":7,\"kind\":\"heal\",\"verb\":\"down\",\"args\":{\"note\":\"a\\\"\\u0175\\n\",\"n\":-5,\"t\":true}}"), &event, &quit, &arena), ERR_OK);
    ck_assert_int_eq(event.kind, EVENT_PLAN);
    ck_assert_int_eq(event.plan.kind, PLAN_HEAL);
    ck_assert_int_eq(event.plan.id, 7);
    ck_assert(slice_equal(event.plan.verb, SLICE("down")));
    ck_assert(slice_equal(plan_get(&event.plan, "note"), SLICE("a\"\xC5\xB5\n")));
    ck_assert_int_eq(plan_get_int(&event.plan, "n", 0), -5);
    ck_assert(slice_equal(plan_get(&event.plan, "t"), SLICE("true")));
    ck_assert_int_eq(control_parse(SLICE(" {\"quit\" : true } "), &event, &quit, &arena), ERR_OK);
    ck_assert(quit);
}
END_TEST

START_TEST(control_line_that_is_none_is_refused)
{
    static char memory[1 << 16] __attribute__((aligned(16)));
    static const char *const lines[] = {"", "{", "{}", "{\"verb\":}", "{\"verb\":\"x\"", "{\"verb\":\"x\"}}", "{\"verb\":\"x\",\"args\":{\"a\"}}", "{\"verb\":\"\\ud8\"}",
                                        "{\"kind\":\"nothing\",\"verb\":\"x\"}", "{\"other\":1,\"verb\":\"x\"}", "[1]", "{\"verb\":\"x\",}", "{\"quit\":false}"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct arena arena = {.memory = memory, .size = sizeof memory};
        struct event event;
        bool quit;
        ck_assert_msg(control_parse(slice_from(lines[i]), &event, &quit, &arena) == ERR_BAD_MESSAGE, "%s", lines[i]);
    }
}
END_TEST

UNIT_MAIN(wire_echo_goes_there_and_back_and_both_sides_see_one_end, wire_find_rows_arrive_in_order_in_few_runs_and_then_the_final_answer,
          wire_stores_are_sent_one_by_one_and_answered_in_order, wire_hl7_goes_there_and_back,
          wire_hl7_that_cannot_be_read_reaches_the_actor_as_it_came, wire_open_to_nobody_is_refused_once,
          wire_node_that_goes_down_cuts_its_channels_and_refuses_until_healed, wire_abort_ends_a_run_that_waits_for_an_answer,
          wire_quit_closes_what_is_open, control_line_becomes_a_plan_entry, control_line_that_is_none_is_refused)
