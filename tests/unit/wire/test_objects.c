/* SPDX-License-Identifier: MIT
 *
 * Objects on their way into files and out of them: the sink, what is kept, the spool. */
#include "tests/unit/wire/rig.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#define PIXELS 5000

static struct rig receiver_rig, sender_rig;
static char folder[64], kept_path[256];

/* ---- The receiver: serves or spools; what it kept it can say. */

struct receiver {
    bool spools;
    uint16_t message_id;
    uint8_t context_id;
};
static struct receiver receiver;

static enum err receiver_step(void *self, const struct event *event, struct out *out)
{
    struct receiver *actor = self;
    const struct object *object = NULL;
    if (event->kind == EVENT_ASKED) {
        accept_all(out, event)->accept = actor->spools ? ACCEPT_SPOOL : ACCEPT_SERVE;
    } else if (event->kind == EVENT_RECEIVED) {
        const struct dimse *request = &event->run.messages[0].dimse;
        actor->message_id = request->message_id;
        actor->context_id = request->context_id;
        object = actor->spools ? NULL : &request->object;
        say(out, event, "received", 0, 0);
    } else if (event->kind == EVENT_STORED) {
        object = &event->object;
        say(out, event, "stored", 0, 0);
    }
    if (object != NULL) {
        struct dimse request = {.kind = DIMSE_C_STORE_RQ, .message_id = actor->message_id, .context_id = actor->context_id,
                                .sop_class_uid = object->sop_class_uid, .sop_instance_uid = object->sop_instance_uid};
        struct dimse response = dimse_response(&request, STATUS_SUCCESS);
        struct observation *delivered = out_observe(out, OBSERVATION_delivered, event->at_ns);
        delivered->sop_uid = object->sop_instance_uid;
        delivered->study_uid = object->study_uid;
        delivered->patient_id = object->patient_id;
        delivered->dataset_sha256 = object->dataset_sha256;
        delivered->text = object->file;
        delivered->name = object->changed == NULL ? SLICE_EMPTY : dataset_get(object->changed, TAG_Modality);
        out_send_dimse(out, event->channel, &response);
    }
    return ERR_OK;
}

/* ---- The sender: one object, made or from the file that the plan names. */

static enum err sender_step(void *self, const struct event *event, struct out *out)
{
    static char file[256];
    int64_t *channel = self;
    if (event->kind == EVENT_PLAN) {
        slice named = plan_get(&event->plan, "file");
        snprintf(file, sizeof file, "%.*s", SLICE_ARGS(named));
        *channel = *channel == 0 ? 1 : *channel + 2;
        struct command *open = open_to(out, *channel, 0, UID_CT_IMAGE, slice_equal(event->plan.verb, SLICE("explicit")) ? UID_EXPLICIT_LITTLE : UID_IMPLICIT_LITTLE);
        (void)open;
    } else if (event->kind == EVENT_OPENED) {
        struct dimse store = {.kind = DIMSE_C_STORE_RQ, .message_id = 1, .sop_class_uid = UID_CT_IMAGE, .sop_instance_uid = SLICE("1.2.3.1")};
        store.object = (struct object){.sop_class_uid = UID_CT_IMAGE, .sop_instance_uid = SLICE("1.2.3.1"), .study = 1, .file = slice_from(file)};
        out_send_dimse(out, event->channel, &store);
    } else if (event->kind == EVENT_RECEIVED) {
        say(out, event, "answered", (int64_t)event->run.count, event->run.messages[0].dimse.status);
        out_command(out, COMMAND_CLOSE)->channel = event->channel;
    } else if (event->kind == EVENT_CLOSED) {
        say(out, event, "closed", 0, event->cause);
    }
    return ERR_OK;
}

static enum err make_object(void *self, const struct object *object, slice transfer_syntax, struct object_bytes *out)
{
    static char pixels[PIXELS];
    static const struct element elements[] = {
        {.tag = TAG_SOPClassUID, .vr = VR('U', 'I'), .value = {"1.2.840.10008.5.1.4.1.1.2", 25}},
        {.tag = TAG_SOPInstanceUID, .vr = VR('U', 'I'), .value = {"1.2.3.1", 7}},
        {.tag = TAG_Modality, .vr = VR('C', 'S'), .value = {"CT", 2}},
        {.tag = TAG_PatientID, .vr = VR('L', 'O'), .value = {"A1", 2}},
        {.tag = TAG_StudyInstanceUID, .vr = VR('U', 'I'), .value = {"1.2.3", 5}},
        {.tag = TAG_SeriesInstanceUID, .vr = VR('U', 'I'), .value = {"1.2.3.0", 7}},
        {.tag = TAG_PixelData, .vr = VR('O', 'W'), .value = {pixels, sizeof pixels}},
    };
    bool *broken = self;
    (void)object;
    out->handle = malloc(PIXELS + 1024);
    struct buffer buffer = buffer_over(out->handle, PIXELS + 1024);
    dataset_write(&(struct dataset){(struct element *)(uintptr_t)elements, 7, 7},
                  slice_equal(transfer_syntax, UID_EXPLICIT_LITTLE) ? SYNTAX_EXPLICIT_LITTLE : SYNTAX_IMPLICIT_LITTLE, &buffer);
    out->data = *broken ? slice_before(buffer_slice(&buffer), 90) : buffer_slice(&buffer);
    return buffer.full ? ERR_LIMIT : ERR_OK;
}

static void drop_object(void *self, struct object_bytes *bytes)
{
    (void)self;
    free(bytes->handle);
}

/* ---- The pair. */

static bool broken;

static void begin(void)
{
    static const slice title = {"SENDER", 6};
    static int64_t channel;
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    snprintf(folder, sizeof folder, "/tmp/pont-objects-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    receiver_rig.actor = (struct actor){.self = &receiver, .step = receiver_step, .due = never};
    receiver_rig.config.dicom_any_port = true;
    rig_start(&receiver_rig, "receiver");
    rig_peer(0, "receiver", "RECEIVER", receiver_rig.dicom_port, 0);
    sender_rig.actor = (struct actor){.self = &channel, .step = sender_step, .due = never};
    sender_rig.config.titles = &title;
    sender_rig.config.title_count = 1;
    sender_rig.config.source = (struct object_source){&broken, make_object, drop_object};
    rig_start(&sender_rig, "sender");
}

static void send(const char *verb, const char *file)
{
    char line[400];
    snprintf(line, sizeof line, "{\"kind\":\"do\",\"verb\":\"%s\",\"args\":{\"file\":\"%s\"}}\n", verb, file);
    rig_tell(&sender_rig, line);
}

/* The one file in the folder. */
static void find_file(void)
{
    DIR *list = opendir(folder);
    struct dirent *entry;
    int files = 0;
    ck_assert_ptr_nonnull(list);
    while ((entry = readdir(list)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(kept_path, sizeof kept_path, "%s/%.180s", folder, entry->d_name);
            files++;
        }
    }
    closedir(list);
    ck_assert_int_eq(files, 1);
}

static void end(void)
{
    rig_stop(&sender_rig);
    rig_stop(&receiver_rig);
    if (kept_path[0] != '\0') {
        unlink(kept_path);
    }
    rmdir(folder);
}

static void expect_file(const char *path)
{
    static char memory[1 << 16] __attribute__((aligned(16)));
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct dicom_file file;
    char why[128] = "";
    ck_assert_msg(dcmtk_read_file(&file, path, true, why, &arena) == ERR_OK, "%s: %s", path, why);
    ck_assert(slice_equal(file.object.sop_instance_uid, SLICE("1.2.3.1")));
    ck_assert(slice_equal(file.object.study_uid, SLICE("1.2.3")));
    ck_assert(slice_equal(file.object.transfer_syntax, UID_IMPLICIT_LITTLE));
}

START_TEST(object_reaches_the_actor_with_digests_and_the_attributes_it_wants)
{
    static const uint32_t wanted[] = {TAG_Modality, TAG_StudyDate};
    receiver_rig.config.kept_tags = wanted;
    receiver_rig.config.kept_tag_count = 2;
    begin();
    send("implicit", "");
    ck_assert(rig_hears(&receiver_rig, "\"patient_id\":\"A1\"", "\"name\":\"CT\""));
    ck_assert(rig_hears(&sender_rig, "answered", "\"count\":1"));
    end();
}
END_TEST

START_TEST(object_is_kept_as_a_file_and_sent_from_it_in_either_syntax)
{
    receiver_rig.config.keep = folder;
    begin();
    send("implicit", "");
    ck_assert(rig_hears(&receiver_rig, "delivered", folder));
    ck_assert(rig_hears(&sender_rig, "answered", ""));
    find_file();
    expect_file(kept_path);
    broken = true; /* the source can no longer make it: it comes from the file now */
    send("implicit", kept_path);
    ck_assert(rig_hears(&receiver_rig, "delivered", "1.2.3.1"));
    ck_assert(rig_hears(&sender_rig, "answered", "\"count\":1"));
    send("explicit", kept_path);
    ck_assert(rig_hears(&receiver_rig, "delivered", "\"study_uid\":\"1.2.3\""));
    ck_assert(rig_hears(&sender_rig, "answered", "\"count\":1"));
    end();
}
END_TEST

START_TEST(object_is_safe_in_the_spool_before_the_actor_answers)
{
    receiver_rig.config.spool = folder;
    receiver.spools = true;
    begin();
    send("implicit", "");
    ck_assert(rig_hears(&receiver_rig, "received", ""));
    ck_assert(rig_hears(&receiver_rig, "stored", ""));
    ck_assert(rig_hears(&sender_rig, "answered", ""));
    find_file();
    expect_file(kept_path);
    end();
}
END_TEST

START_TEST(object_larger_than_the_limit_is_answered_a700_and_the_association_stays)
{
    receiver_rig.config.limits.object_size_max = 4096;
    begin();
    send("implicit", "");
    ck_assert(rig_hears(&sender_rig, "answered", "\"number\":42752"));
    ck_assert(rig_hears(&sender_rig, "closed", "\"at\"")); /* released by us */
    end();
}
END_TEST

START_TEST(object_that_is_no_data_set_is_answered_c000)
{
    broken = true;
    begin();
    send("implicit", "");
    ck_assert(rig_hears(&sender_rig, "answered", "\"number\":49152"));
    end();
}
END_TEST

START_TEST(driver_takes_sigterm_as_a_quit)
{
    int hear[2], status = 0;
    char byte;
    ck_assert_int_eq(pipe(hear), 0);
    pid_t child = fork();
    if (child == 0) {
        struct driver_config config = {.name = SLICE("child"), .host = "127.0.0.1", .control = -1, .observe = hear[1], .signals = true, .dicom_any_port = true};
        struct actor actor = {.self = &receiver, .step = receiver_step, .due = never};
        char why[256];
        _exit(dcmtk_start() == ERR_OK && driver_run(&config, &actor, why) == ERR_OK ? 0 : 1);
    }
    ck_assert_int_eq(read(hear[0], &byte, 1), 1); /* ready */
    kill(child, SIGTERM);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(hear[0]);
    close(hear[1]);
}
END_TEST

START_TEST(driver_quits_when_whoever_controls_it_is_gone)
{
    broken = false;
    begin();
    close(sender_rig.tell);
    pthread_join(sender_rig.thread, NULL);
    ck_assert_int_eq(sender_rig.result, ERR_OK);
    rig_stop(&receiver_rig);
    rmdir(folder);
}
END_TEST

UNIT_MAIN(object_reaches_the_actor_with_digests_and_the_attributes_it_wants, object_is_kept_as_a_file_and_sent_from_it_in_either_syntax,
          object_is_safe_in_the_spool_before_the_actor_answers, object_larger_than_the_limit_is_answered_a700_and_the_association_stays,
          object_that_is_no_data_set_is_answered_c000, driver_takes_sigterm_as_a_quit, driver_quits_when_whoever_controls_it_is_gone)
