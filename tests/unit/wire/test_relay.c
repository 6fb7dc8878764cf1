/* SPDX-License-Identifier: MIT
 *
 * A relay over three drivers: holder, engine in the middle, destination. */
#include "tests/unit/wire/rig.h"

#include "src/base/hash.h"

#define INSTANCES 70
#define BIG (300u << 10) /* bytes of pixels: several PDUs */

static struct rig holder_rig, middle_rig, destination_rig;

static slice uid_of(struct arena *arena, int64_t instance)
{
    struct buffer uid = buffer_make(arena, 32);
    buffer_put_text(&uid, "1.2.3.");
    buffer_put_int(&uid, instance);
    return buffer_slice(&uid);
}

/* ---- The destination: takes everything, says what it got; or falls over on the instance it was told. */

struct destination_actor {
    int64_t taken, abort_at, refuse_at;
};
static struct destination_actor destination_actor;

static enum err destination_step(void *self, const struct event *event, struct out *out)
{
    struct destination_actor *actor = self;
    if (event->kind == EVENT_ASKED) {
        say(out, event, "asked", 0, 0);
        (void)accept_all(out, event);
    } else if (event->kind == EVENT_PLAN) {
        actor->abort_at = plan_get_int(&event->plan, "abort_at", 0);
        actor->refuse_at = plan_get_int(&event->plan, "refuse_at", 0);
        if (plan_get(&event->plan, "down").size > 0) {
            out_command(out, COMMAND_LISTEN)->flag = false;
        }
        say(out, event, "told", 0, 0);
    } else if (event->kind == EVENT_RECEIVED) {
        const struct dimse *request = &event->run.messages[0].dimse;
        actor->taken++;
        struct observation *delivered = out_observe(out, OBSERVATION_delivered, event->at_ns);
        delivered->sop_uid = request->object.sop_instance_uid;
        delivered->patient_id = request->object.patient_id;
        delivered->pixel_sha256 = request->object.pixel_sha256;
        delivered->peer = request->move_originator;
        delivered->number = request->move_originator_id;
        if (actor->taken == actor->abort_at) {
            out_command(out, COMMAND_ABORT)->channel = event->channel;
        } else {
            struct dimse response = dimse_response(request, actor->taken == actor->refuse_at ? STATUS_OUT_OF_RESOURCES : STATUS_SUCCESS);
            response.error_comment = actor->taken == actor->refuse_at ? SLICE("disk full") : SLICE_EMPTY;
            out_send_dimse(out, event->channel, &response);
        }
    } else if (event->kind == EVENT_CLOSED) {
        say(out, event, "closed", actor->taken, event->cause);
    }
    return ERR_OK;
}

/* ---- The middle: begins the job it is told, accepts the holder for it, says what became of it. */

struct middle_actor {
    int64_t delivered, failed;
};
static struct middle_actor middle_actor;

static void begin_job(const struct event *event, struct out *out)
{
    struct command *relay = out_command(out, COMMAND_RELAY);
    struct dataset *coercion = arena_alloc(out->arena, sizeof *coercion);
    size_t count = (size_t)plan_get_int(&event->plan, "items", INSTANCES);
    struct relay_item *items = arena_array(out->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct relay_item){uid_of(out->arena, (int64_t)i + 1), UID_CT_IMAGE, 1};
    }
    ck_assert_int_eq(dataset_init(coercion, out->arena, 2), ERR_OK);
    ck_assert_int_eq(dataset_put(coercion, TAG_PatientID, SLICE("B7")), ERR_OK);
    bool coerces = plan_get(&event->plan, "coerce").size > 0;
    relay->relay = (struct relay_job){.id = event->plan.id, .holder = 0, .destination = 2, .study_uid = SLICE("1.2.3"), .items = items, .item_count = count,
                                      .coercion = coerces ? coercion : NULL, .coercion_source = SLICE("HERE"), .move_originator = SLICE("PONT"),
                                      .move_originator_id = 9, .deadline_ns = event->at_ns + plan_get_int(&event->plan, "deadline", TIME_HOUR)};
}

static enum err middle_step(void *self, const struct event *event, struct out *out)
{
    struct middle_actor *actor = self;
    if (event->kind == EVENT_PLAN && slice_equal(event->plan.verb, SLICE("relay"))) {
        begin_job(event, out);
        say(out, event, "begun", 0, 0);
    } else if (event->kind == EVENT_PLAN) {
        out_command(out, COMMAND_RELAY_END)->job = event->plan.id;
    } else if (event->kind == EVENT_ASKED) {
        struct command *accept = accept_all(out, event);
        accept->accept = ACCEPT_RELAY;
        accept->job = 1;
    } else if (event->kind == EVENT_CLOSED) {
        say(out, event, "closed", 0, event->cause);
    } else if (event->kind == EVENT_RELAYED) {
        ck_assert_int_eq(event->job, 1);
        for (size_t i = 0; i < event->result_count; i++) {
            bool good = event->results[i].status == STATUS_SUCCESS;
            actor->delivered += good;
            actor->failed += !good;
        }
        if (event->relay_ended) {
            char text[160];
            snprintf(text, sizeof text, "ended %.*s", SLICE_ARGS(event->relay_text));
            say(out, event, text, actor->delivered, actor->failed);
        } else if (event->relay_text.size > 0) {
            struct observation *note = out_observe(out, OBSERVATION_note, event->at_ns);
            note->text = event->relay_text;
        }
    }
    return ERR_OK;
}

/* ---- The holder: sends what it is told, on one association or one an image. */

struct holder_actor {
    int64_t first, last, next, channel, run_first;
    int64_t counts[3]; /* success, A7xx, other */
    bool one_each;
};
static struct holder_actor holder_actor;

static void holder_open(struct holder_actor *actor, struct out *out)
{
    actor->channel = actor->channel == 0 ? 1 : actor->channel + 2;
    (void)open_to(out, actor->channel, 1, UID_CT_IMAGE, UID_IMPLICIT_LITTLE);
}

static void holder_send(struct holder_actor *actor, struct out *out)
{
    int64_t left = actor->last - actor->next + 1;
    size_t count = actor->one_each ? 1 : left < RUN_MAX ? (size_t)left : RUN_MAX;
    struct message *messages = arena_array(out->arena, count, sizeof *messages);
    struct command *send = out_command(out, COMMAND_SEND);
    for (size_t i = 0; i < count; i++) {
        slice uid = uid_of(out->arena, actor->next);
        messages[i].dimse = (struct dimse){.kind = DIMSE_C_STORE_RQ, .message_id = (uint16_t)actor->next, .sop_class_uid = UID_CT_IMAGE, .sop_instance_uid = uid,
                                           .object = {.sop_class_uid = UID_CT_IMAGE, .sop_instance_uid = uid, .study = 0, .instance = actor->next}};
        actor->next++;
    }
    send->channel = actor->channel;
    send->run = (struct run){messages, count};
}

static enum err holder_step(void *self, const struct event *event, struct out *out)
{
    struct holder_actor *actor = self;
    if (event->kind == EVENT_PLAN) {
        *actor = (struct holder_actor){.channel = actor->channel};
        actor->first = actor->next = plan_get_int(&event->plan, "first", 1);
        actor->last = plan_get_int(&event->plan, "last", INSTANCES);
        actor->one_each = plan_get(&event->plan, "one_each").size > 0;
        holder_open(actor, out);
    } else if (event->kind == EVENT_OPENED) {
        holder_send(actor, out);
    } else if (event->kind == EVENT_REFUSED) {
        say(out, event, "refused", 0, event->refusal);
    } else if (event->kind == EVENT_RECEIVED) {
        for (size_t i = 0; i < event->run.count; i++) {
            uint16_t status = event->run.messages[i].dimse.status;
            actor->counts[status == STATUS_SUCCESS ? 0 : status >> 8 == 0xA7 ? 1 : 2]++;
        }
        int64_t answered = actor->counts[0] + actor->counts[1] + actor->counts[2];
        if (answered == actor->next - actor->first && (actor->next > actor->last || actor->one_each)) {
            out_command(out, COMMAND_CLOSE)->channel = event->channel;
        } else if (answered == actor->next - actor->first) {
            holder_send(actor, out);
        }
    } else if (event->kind == EVENT_CLOSED && actor->next <= actor->last) {
        holder_open(actor, out);
    } else if (event->kind == EVENT_CLOSED) {
        char text[80];
        snprintf(text, sizeof text, "sent %lld good %lld busy %lld bad", (long long)actor->counts[0], (long long)actor->counts[1], (long long)actor->counts[2]);
        say(out, event, text, 0, event->cause);
    }
    return ERR_OK;
}

static char pixels[BIG];

static enum err make_object(void *self, const struct object *object, slice transfer_syntax, struct object_bytes *out)
{
    (void)self;
    (void)transfer_syntax;
    bool foreign = object->instance == 99; /* of another study than the manifest's */
    struct element elements[8] = {
        {.tag = TAG_SOPClassUID, .vr = VR('U', 'I'), .value = UID_CT_IMAGE},
        {.tag = TAG_SOPInstanceUID, .vr = VR('U', 'I'), .value = object->instance == 98 ? SLICE("9.9") : object->sop_instance_uid},
        {.tag = TAG_PatientID, .vr = VR('L', 'O'), .value = SLICE("A1")},
        {.tag = TAG_StudyInstanceUID, .vr = VR('U', 'I'), .value = foreign ? SLICE("1.2.4") : SLICE("1.2.3")},
        {.tag = TAG_SeriesInstanceUID, .vr = VR('U', 'I'), .value = SLICE("1.2.3.0")},
        {.tag = TAG_PixelData, .vr = VR('O', 'W'), .value = {pixels, sizeof pixels}},
    };
    struct dataset dataset = {elements, 6, 8};
    out->handle = malloc(BIG + 4096);
    struct buffer buffer = buffer_over(out->handle, BIG + 4096);
    dataset_write(&dataset, SYNTAX_IMPLICIT_LITTLE, &buffer);
    out->data = buffer_slice(&buffer);
    return buffer.full ? ERR_LIMIT : ERR_OK;
}

static void drop_object(void *self, struct object_bytes *bytes)
{
    (void)self;
    free(bytes->handle);
}

/* ---- The three. */

static void begin(void)
{
    static const slice middle_title = {"PONT", 4}, holder_title = {"HOLDER", 6};
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    for (size_t i = 0; i < BIG; i++) {
        pixels[i] = (char)(i * 7);
    }
    destination_rig.actor = (struct actor){.self = &destination_actor, .step = destination_step, .due = never};
    destination_rig.config.dicom_any_port = true;
    rig_start(&destination_rig, "destination");
    rig_peer(2, "destination", "DEST", destination_rig.dicom_port, 0);
    middle_rig.actor = (struct actor){.self = &middle_actor, .step = middle_step, .due = never};
    middle_rig.config.dicom_any_port = true;
    middle_rig.config.titles = &middle_title;
    middle_rig.config.title_count = 1;
    rig_start(&middle_rig, "middle");
    rig_peer(1, "middle", "PONT", middle_rig.dicom_port, 0);
    holder_rig.actor = (struct actor){.self = &holder_actor, .step = holder_step, .due = never};
    holder_rig.config.titles = &holder_title;
    holder_rig.config.title_count = 1;
    holder_rig.config.source = (struct object_source){NULL, make_object, drop_object};
    rig_start(&holder_rig, "holder");
}

static void job(const char *arguments)
{
    char line[256];
    snprintf(line, sizeof line, "{\"id\":1,\"kind\":\"do\",\"verb\":\"relay\",\"args\":{%s}}\n", arguments);
    rig_tell(&middle_rig, line);
    ck_assert(rig_hears(&middle_rig, "begun", ""));
}

static void send(const char *arguments)
{
    char line[256];
    snprintf(line, sizeof line, "{\"kind\":\"do\",\"verb\":\"send\",\"args\":{%s}}\n", arguments);
    rig_tell(&holder_rig, line);
}

static void stop_job(void)
{
    rig_tell(&middle_rig, "{\"id\":1,\"kind\":\"do\",\"verb\":\"stop\",\"args\":{}}\n");
}

static void tell_destination(const char *arguments)
{
    char line[256];
    snprintf(line, sizeof line, "{\"kind\":\"do\",\"verb\":\"bend\",\"args\":{%s}}\n", arguments);
    rig_tell(&destination_rig, line);
    ck_assert(rig_hears(&destination_rig, "told", ""));
}

static void end(void)
{
    rig_stop(&holder_rig);
    rig_stop(&middle_rig);
    rig_stop(&destination_rig);
}

START_TEST(relay_passes_instances_and_the_destination_sees_them_unchanged)
{
    begin();
    job("");
    send("");
    ck_assert(rig_hears(&destination_rig, "\"sop_uid\":\"1.2.3.70\"", "\"patient_id\":\"A1\""));
    ck_assert(rig_hears(&holder_rig, "sent 70 good 0 busy 0 bad", ""));
    stop_job();
    ck_assert(rig_hears(&middle_rig, "ended", "\"count\":70"));
    ck_assert(rig_hears(&destination_rig, "closed", "\"count\":70")); /* number absent: released */
    end();
}
END_TEST

START_TEST(relay_changes_the_header_on_the_way_and_leaves_the_pixels)
{
    char digest[65], expected[96];
    begin();
    sha256_text((slice){pixels, sizeof pixels}, digest);
    snprintf(expected, sizeof expected, "\"pixel_sha256\":\"%s\"", digest);
    job("\"coerce\":\"yes\",\"items\":\"1\"");
    send("\"last\":\"1\"");
    ck_assert(rig_hears(&destination_rig, "\"patient_id\":\"B7\"", expected));
    ck_assert(rig_hears(&holder_rig, "sent 1 good", ""));
    stop_job();
    ck_assert(rig_hears(&middle_rig, "ended", "\"count\":1"));
    end();
}
END_TEST

START_TEST(relay_passes_the_move_originator_of_the_job_on)
{
    begin();
    job("\"items\":\"1\"");
    send("\"last\":\"1\"");
    ck_assert(rig_hears(&destination_rig, "\"peer\":\"PONT\"", "\"number\":9"));
    end();
}
END_TEST

START_TEST(relay_refuses_what_the_manifest_does_not_list_and_says_so)
{
    begin();
    job("\"items\":\"2\"");
    send("\"last\":\"3\"");
    ck_assert(rig_hears(&middle_rig, "not list", ""));
    ck_assert(rig_hears(&holder_rig, "sent 2 good 0 busy 1 bad", ""));
    stop_job();
    ck_assert(rig_hears(&middle_rig, "ended", "\"count\":2"));
    end();
}
END_TEST

START_TEST(relay_refuses_a_listed_instance_whose_data_set_is_of_another_study_or_instance)
{
    begin();
    job("\"items\":\"99\"");
    send("\"first\":\"98\",\"last\":\"99\"");
    ck_assert(rig_hears(&middle_rig, "another instance than its data set", ""));
    ck_assert(rig_hears(&middle_rig, "another study", ""));
    ck_assert(rig_hears(&holder_rig, "sent 0 good 0 busy 2 bad", ""));
    ck_assert_int_eq(destination_actor.taken, 0);
    end();
}
END_TEST

START_TEST(relay_serves_a_holder_that_opens_an_association_for_each_image)
{
    begin();
    job("\"items\":\"5\"");
    send("\"one_each\":\"yes\",\"last\":\"5\"");
    ck_assert(rig_hears(&holder_rig, "sent 5 good", ""));
    stop_job();
    ck_assert(rig_hears(&middle_rig, "ended", "\"count\":5"));
    ck_assert(rig_hears(&destination_rig, "asked", ""));
    ck_assert(rig_hears(&destination_rig, "closed", "\"count\":5")); /* all five on the one association */
    end();
}
END_TEST

START_TEST(relay_hands_the_destinations_own_status_back)
{
    begin();
    tell_destination("\"refuse_at\":\"2\"");
    job("\"items\":\"3\"");
    send("\"last\":\"3\"");
    ck_assert(rig_hears(&holder_rig, "sent 2 good 1 busy 0 bad", ""));
    stop_job();
    ck_assert(rig_hears(&middle_rig, "ended", "\"count\":2"));
    end();
}
END_TEST

START_TEST(relay_whose_destination_dies_answers_a702_to_the_rest_and_keeps_the_holder)
{
    begin();
    tell_destination("\"abort_at\":\"2\"");
    job("\"items\":\"5\"");
    send("\"last\":\"5\"");
    ck_assert(rig_hears(&holder_rig, "sent 1 good 4 busy 0 bad", ""));
    stop_job();
    ck_assert(rig_hears(&middle_rig, "ended", "\"number\":4"));
    ck_assert_int_eq(middle_actor.delivered, 1);
    end();
}
END_TEST

START_TEST(relay_without_a_destination_rejects_the_holder_and_says_why)
{
    begin();
    tell_destination("\"down\":\"yes\"");
    rig_stop(&destination_rig); /* so that its port is surely closed */
    job("\"items\":\"5\"");
    send("\"last\":\"5\"");
    ck_assert(rig_hears(&holder_rig, "refused", "\"number\":2")); /* transient */
    ck_assert(rig_hears(&middle_rig, "ended the destination cannot be reached", ""));
    rig_stop(&holder_rig);
    rig_stop(&middle_rig);
}
END_TEST

START_TEST(relay_ends_when_the_engine_says_so_and_takes_no_holder_any_more)
{
    begin();
    job("");
    stop_job();
    ck_assert(rig_hears(&middle_rig, "ended", ""));
    send("");
    ck_assert(rig_hears(&holder_rig, "refused", "\"number\":2"));
    end();
}
END_TEST

START_TEST(relay_ends_at_its_deadline)
{
    begin();
    job("\"deadline\":\"1000000\"");
    ck_assert(rig_hears(&middle_rig, "ended its deadline passed", ""));
    end();
}
END_TEST

UNIT_MAIN(relay_passes_instances_and_the_destination_sees_them_unchanged, relay_changes_the_header_on_the_way_and_leaves_the_pixels,
          relay_passes_the_move_originator_of_the_job_on, relay_refuses_what_the_manifest_does_not_list_and_says_so,
          relay_refuses_a_listed_instance_whose_data_set_is_of_another_study_or_instance,
          relay_serves_a_holder_that_opens_an_association_for_each_image, relay_hands_the_destinations_own_status_back,
          relay_whose_destination_dies_answers_a702_to_the_rest_and_keeps_the_holder,
          relay_without_a_destination_rejects_the_holder_and_says_why, relay_ends_when_the_engine_says_so_and_takes_no_holder_any_more,
          relay_ends_at_its_deadline)
