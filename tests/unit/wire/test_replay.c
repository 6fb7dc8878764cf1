/* SPDX-License-Identifier: MIT
 *
 * The journal of a driver with a registry: played again it gives the same, life after life, killed or not. */
#include "tests/unit/wire/rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "src/wire/replay.h"

/* ---- A ledger: each plan entry puts a row and is noted; its digest is the sum over the rows. */

struct ledger {
    uint64_t digest;
    int64_t next;
    bool forgets;  /* a bent one: leaves out every tenth note */
    bool miscounts; /* a bent one: puts another row */
};

static struct record row(int64_t id, slice text)
{
    struct record record = {.table = TABLE_person};
    record.values[COLUMN_person_id].integer = id;
    record.values[COLUMN_person_family].text = text;
    return record;
}

static enum err ledger_step(void *self, const struct event *event, struct out *out)
{
    struct ledger *ledger = self;
    if (event->kind == EVENT_PLAN) {
        ledger->next++;
        struct record record = row(ledger->next, event->plan.verb);
        record.values[COLUMN_person_epoch].integer = event->at_ns + ledger->miscounts;
        *out_record(out, TABLE_person) = record;
        ledger->digest += record_hash(&record);
        if (!ledger->forgets || ledger->next % 10 != 0) {
            out_note(out, event->plan.verb);
        }
        say(out, event, "put", ledger->next, 0);
    }
    return ERR_OK;
}

static enum err ledger_restore(void *self, const struct record *record)
{
    struct ledger *ledger = self;
    ledger->digest += record_hash(record);
    ledger->next = record->values[COLUMN_person_id].integer;
    return ERR_OK;
}

static uint64_t ledger_digest(const void *self)
{
    return ((const struct ledger *)self)->digest;
}

static struct actor ledger_actor(struct ledger *ledger)
{
    return (struct actor){.self = ledger, .step = ledger_step, .due = never, .restore = ledger_restore, .digest = ledger_digest};
}

/* ---- Lives. */

static char folder[64], registry[96];

static void fresh_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/pont-replay-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(registry, sizeof registry, "%s/registry.db", folder);
}

static void remove_folder(void)
{
    static const char *const names[] = {"registry.db", "registry.db-wal", "registry.db-shm", "1.bin", "2.bin", "3.bin", "trace.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void journal_path(char path[128], int64_t life)
{
    snprintf(path, 128, "%s/%lld.bin", folder, (long long)life);
}

static void config_life(struct rig *rig, struct ledger *ledger, int64_t life)
{
    rig->actor = ledger_actor(ledger);
    rig->config.store = registry;
    rig->config.journal = folder;
    rig->config.life = life;
}

/* A whole life in this process: `count` entries, then an orderly end. */
static void live(int64_t life, int64_t first, int count)
{
    static struct rig rig;
    static struct ledger ledger;
    char text[64];
    ledger = (struct ledger){.digest = 0};
    memset(&rig, 0, sizeof rig);
    config_life(&rig, &ledger, life);
    rig_start(&rig, "ledger");
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "{\"kind\":\"do\",\"verb\":\"row%d\",\"args\":{}}\n", i);
        rig_tell(&rig, text);
    }
    snprintf(text, sizeof text, "\"count\":%lld", (long long)(first + count));
    ck_assert(count == 0 || rig_hears(&rig, "\"put\"", text));
    rig_stop(&rig);
}

/* A life in a child, killed when it has told of some rows; more were on their way. */
static void live_and_die(int64_t life)
{
    int tell[2], hear[2], log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    char byte;
    int lines = 0;
    ck_assert_int_eq(pipe(tell), 0);
    ck_assert_int_eq(pipe(hear), 0);
    pid_t child = fork();
    if (child == 0) {
        static struct rig rig;
        static struct ledger ledger;
        config_life(&rig, &ledger, life);
        rig.config.name = SLICE("ledger");
        rig.config.host = "127.0.0.1";
        rig.config.control = tell[0];
        rig.config.observe = hear[1];
        rig.config.limits.batch_max = 7;
        dup2(log, 2);
        _exit(driver_run(&rig.config, &rig.actor, rig.why) == ERR_OK ? 0 : 1);
    }
    close(tell[0]);
    close(hear[1]);
    for (int i = 0; i < 2000; i++) {
        const char *line = "{\"kind\":\"do\",\"verb\":\"x\",\"args\":{}}\n";
        ck_assert_int_eq(write(tell[1], line, strlen(line)), (ssize_t)strlen(line));
        if (i == 1000) {
            while (lines < 50 && read(hear[0], &byte, 1) == 1) {
                lines += byte == '\n';
            }
            kill(child, SIGKILL);
            break;
        }
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(lines, 50);
    close(tell[1]);
    close(hear[0]);
    close(log);
}

static struct replay_result replay(int64_t life, struct ledger ledger, const struct store_meta *until, const struct replay_watcher *watcher)
{
    struct replay_result result;
    struct actor actor = ledger_actor(&ledger);
    char path[128];
    journal_path(path, life);
    ck_assert_int_eq(replay_journal(&result, path, &actor, until, watcher), ERR_OK);
    return result;
}

/* What the judges see of a life. */
static struct {
    int64_t records, restored, commits, left, left_before_commit, committed_step;
} stream;

static enum err see_record(void *self, const struct record *record, int64_t step, time_ns at_ns, bool restored)
{
    (void)self;
    (void)at_ns;
    ck_assert_uint_eq(record->table, TABLE_person);
    ck_assert(restored == (step == 0));
    stream.records += !restored;
    stream.restored += restored;
    return ERR_OK;
}

static enum err see_commit(void *self, int64_t step, uint64_t digest, time_ns at_ns)
{
    (void)self;
    (void)digest;
    (void)at_ns;
    stream.commits++;
    stream.committed_step = step;
    return ERR_OK;
}

static enum err see_left(void *self, const struct command *command, int64_t step, time_ns at_ns)
{
    (void)self;
    (void)at_ns;
    ck_assert_int_eq(command->kind, COMMAND_NOTE);
    stream.left++;
    stream.left_before_commit += step > stream.committed_step;
    return ERR_OK;
}

static const struct replay_watcher watcher = {.record = see_record, .committed = see_commit, .left = see_left};

START_TEST(replay_of_an_orderly_life_is_equal_and_yields_the_stream)
{
    fresh_folder();
    live(1, 0, 300);
    struct replay_result result = replay(1, (struct ledger){.digest = 0}, NULL, &watcher);
    ck_assert_msg(result.equal, "%s", result.difference);
    ck_assert(result.ended);
    ck_assert_int_eq(stream.records, 300);
    ck_assert_int_eq(stream.left, 300);
    ck_assert_int_eq(stream.left_before_commit, 0);
    ck_assert_int_eq(result.steps, 301); /* and the CLOCK after the restore */
    ck_assert_int_eq(result.commits, stream.commits);
    remove_folder();
}
END_TEST

START_TEST(replay_of_a_killed_life_is_equal_up_to_what_the_registry_holds)
{
    struct replay_start start;
    char path[128];
    fresh_folder();
    live_and_die(1);
    live(2, 0, 0); /* restores; ends in order */
    journal_path(path, 2);
    ck_assert_int_eq(replay_peek(path, &start), ERR_OK);
    ck_assert_int_eq(start.before.life, 1);
    ck_assert_int_gt(start.before.step, 50);
    ck_assert(start.restored_digest == start.before.state_digest);
    struct replay_result first = replay(1, (struct ledger){.digest = 0}, &start.before, &watcher);
    ck_assert_msg(first.equal, "%s", first.difference);
    ck_assert(!first.ended);
    ck_assert_int_ge(first.steps, start.before.step);
    stream.restored = 0;
    struct replay_result second = replay(2, (struct ledger){.digest = 0}, NULL, &watcher);
    ck_assert_msg(second.equal, "%s", second.difference);
    ck_assert_int_eq(stream.restored, start.before.step - 1); /* one row a step but the first, the CLOCK */
    struct store_meta wrong = start.before;
    wrong.state_digest++;
    ck_assert(!replay(1, (struct ledger){.digest = 0}, &wrong, NULL).equal);
    remove_folder();
}
END_TEST

START_TEST(replay_tells_an_actor_that_does_otherwise)
{
    fresh_folder();
    live(1, 0, 30);
    struct replay_result commands = replay(1, (struct ledger){.forgets = true}, NULL, NULL);
    ck_assert(!commands.equal);
    ck_assert_ptr_nonnull(strstr(commands.difference, "commands differ"));
    struct replay_result state = replay(1, (struct ledger){.miscounts = true}, NULL, NULL);
    ck_assert(!state.equal);
    ck_assert_ptr_nonnull(strstr(state.difference, "state differs"));
    remove_folder();
}
END_TEST

/* Changes one byte of the file, replays, changes it back. */
static bool finds_change(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte, changed;
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    changed = byte ^ 0x21;
    ck_assert_int_eq(pwrite(fd, &changed, 1, at), 1);
    struct replay_result result = replay(1, (struct ledger){.digest = 0}, NULL, NULL);
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    return !result.equal || !result.ended; /* a changed size can look like a torn end: no orderly end then */
}

START_TEST(replay_finds_every_changed_byte)
{
    char path[128];
    struct stat status;
    fresh_folder();
    live(1, 0, 20);
    journal_path(path, 1);
    ck_assert_int_eq(stat(path, &status), 0);
    for (off_t at = 0; at < status.st_size; at += at < 160 ? 1 : 31) {
        ck_assert_msg(finds_change(path, at), "the byte at %lld can be changed unseen", (long long)at);
    }
    remove_folder();
}
END_TEST

START_TEST(replay_of_a_torn_journal_goes_as_far_as_it_is_whole)
{
    char path[128];
    struct stat status;
    fresh_folder();
    live(1, 0, 20);
    journal_path(path, 1);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(truncate(path, status.st_size - 3), 0);
    struct replay_result result = replay(1, (struct ledger){.digest = 0}, NULL, NULL);
    ck_assert_msg(result.equal, "%s", result.difference);
    ck_assert(!result.ended);
    remove_folder();
}
END_TEST

START_TEST(life_goes_on_where_the_one_before_ended)
{
    fresh_folder();
    live(1, 0, 5);
    live(2, 5, 5);
    live(3, 10, 5);
    stream.restored = 0;
    struct replay_result result = replay(3, (struct ledger){.digest = 0}, NULL, &watcher);
    ck_assert_msg(result.equal, "%s", result.difference);
    ck_assert_int_eq(stream.restored, 10);
    ck_assert_int_eq(result.start.life, 3);
    remove_folder();
}
END_TEST

START_TEST(driver_that_cannot_keep_its_journal_does_not_begin)
{
    static struct rig rig;
    static struct ledger ledger;
    fresh_folder();
    live(1, 0, 1);
    config_life(&rig, &ledger, 1); /* the journal of life 1 is there already */
    rig.config.name = SLICE("ledger");
    rig.config.host = "127.0.0.1";
    rig.config.control = rig.config.observe = -1;
    ck_assert_int_eq(driver_run(&rig.config, &rig.actor, rig.why), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(rig.why, "journal"));
    remove_folder();
}
END_TEST

UNIT_MAIN(replay_of_an_orderly_life_is_equal_and_yields_the_stream, replay_of_a_killed_life_is_equal_up_to_what_the_registry_holds,
          replay_tells_an_actor_that_does_otherwise, replay_finds_every_changed_byte, replay_of_a_torn_journal_goes_as_far_as_it_is_whole,
          life_goes_on_where_the_one_before_ended, driver_that_cannot_keep_its_journal_does_not_begin)
