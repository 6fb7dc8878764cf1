/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/engine/state.h"
#include "src/store/store.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static char folder[64], path[128];
static struct store *store;

static void open_store(void)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    ck_assert_int_eq(store_open(&store, path, &arena), ERR_OK);
}

static void fresh_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/pont-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/registry.db", folder);
}

static void remove_folder(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char file[160];
        snprintf(file, sizeof file, "%s%s", path, tails[i]);
        unlink(file);
    }
    rmdir(folder);
}

static struct record person(int64_t id, slice family)
{
    struct record record = {.table = TABLE_person};
    record.values[COLUMN_person_id].integer = id;
    record.values[COLUMN_person_family].text = family;
    record.values[COLUMN_person_issuer].text = SLICE("NHS");
    record.values[COLUMN_person_epoch].integer = INT64_MAX;
    return record;
}

static struct record name_of(int64_t person_id, slice family)
{
    struct record record = {.table = TABLE_name};
    record.values[COLUMN_name_person].integer = person_id;
    record.values[COLUMN_name_family].text = family;
    record.values[COLUMN_name_given].text = SLICE("MAIR");
    return record;
}

static void commit_all(const struct record *records, size_t count, int64_t step)
{
    ck_assert_int_eq(store_begin(store), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(store_put(store, &records[i]), ERR_OK);
    }
    ck_assert_int_eq(store_commit(store, &(struct store_meta){.life = 2, .step = step, .command_hash = UINT64_MAX, .state_digest = 77}), ERR_OK);
}

/* What a restore brought, kept as hashes and as text. */
static uint64_t digest;
static size_t row_count;
static char seen[512];

static enum err take_row(void *self, const struct record *record)
{
    struct buffer text = buffer_over(seen, sizeof seen - 1);
    (void)self;
    text.size = strlen(seen);
    record_put_key(record, &text);
    buffer_put_byte(&text, ' ');
    seen[text.size] = '\0';
    digest += record_hash(record);
    row_count++;
    return ERR_OK;
}

static void restore(void)
{
    digest = 0;
    row_count = 0;
    seen[0] = '\0';
    ck_assert_int_eq(store_restore(store, NULL, take_row), ERR_OK);
}

START_TEST(store_gives_back_what_was_committed_table_by_table_in_order_of_key)
{
    fresh_folder();
    open_store();
    struct record rows[] = {name_of(3, SLICE("REES")), person(10, SLICE("\xC5\xB4YN")), person(2, SLICE("JONES")), name_of(3, SLICE("BEVAN"))};
    commit_all(rows, 4, 5);
    store_close(store);
    open_store();
    restore();
    ck_assert_str_eq(seen, "person/2 person/10 name/3/BEVAN/MAIR name/3/REES/MAIR ");
    uint64_t expected = 0;
    for (size_t i = 0; i < 4; i++) {
        expected += record_hash(&rows[i]);
    }
    ck_assert(digest == expected);
    store_close(store);
    remove_folder();
}
END_TEST

START_TEST(store_put_replaces_and_deletes_by_key)
{
    fresh_folder();
    open_store();
    struct record rows[] = {person(1, SLICE("JONES")), person(1, SLICE("REES")), person(2, SLICE("BEVAN")), name_of(1, SLICE("A")), name_of(1, SLICE("A"))};
    commit_all(rows, 5, 1);
    struct record gone[] = {{.table = TABLE_person, .deleted = true}};
    gone[0].values[COLUMN_person_id].integer = 2;
    commit_all(gone, 1, 2);
    restore();
    ck_assert_str_eq(seen, "person/1 name/1/A/MAIR ");
    ck_assert(digest == record_hash(&rows[1]) + record_hash(&rows[3]));
    store_close(store);
    remove_folder();
}
END_TEST

START_TEST(store_meta_is_zero_when_fresh_and_then_that_of_the_last_commit)
{
    struct store_meta meta;
    fresh_folder();
    open_store();
    ck_assert_int_eq(store_get_meta(store, &meta), ERR_OK);
    ck_assert_int_eq(meta.life + meta.step, 0);
    struct record row = person(1, SLICE("JONES"));
    commit_all(&row, 1, 9);
    store_close(store);
    open_store();
    ck_assert_int_eq(store_get_meta(store, &meta), ERR_OK);
    ck_assert_int_eq(meta.life, 2);
    ck_assert_int_eq(meta.step, 9);
    ck_assert(meta.command_hash == UINT64_MAX);
    ck_assert(meta.state_digest == 77);
    store_close(store);
    remove_folder();
}
END_TEST

START_TEST(store_forgets_what_was_not_committed)
{
    fresh_folder();
    open_store();
    struct record row = person(1, SLICE("JONES"));
    ck_assert_int_eq(store_begin(store), ERR_OK);
    ck_assert_int_eq(store_put(store, &row), ERR_OK);
    store_close(store);
    open_store();
    restore();
    ck_assert_uint_eq(row_count, 0);
    store_close(store);
    remove_folder();
}
END_TEST

/* Writes rows for ever, three a transaction, and says after each commit how many are safe. */
static void write_until_killed(int told)
{
    uint64_t sum = 0;
    open_store();
    for (int64_t step = 1;; step++) {
        if (store_begin(store) != ERR_OK) {
            _exit(1);
        }
        for (int64_t i = 0; i < 3; i++) {
            struct record row = person(step * 3 + i, SLICE("JONES"));
            sum += record_hash(&row);
            if (store_put(store, &row) != ERR_OK) {
                _exit(1);
            }
        }
        if (store_commit(store, &(struct store_meta){.life = 1, .step = step, .state_digest = sum}) != ERR_OK || write(told, &step, sizeof step) < 0) {
            _exit(1);
        }
    }
}

START_TEST(store_of_a_killed_process_holds_exactly_its_committed_steps)
{
    int told[2];
    int64_t step = 0;
    fresh_folder();
    ck_assert_int_eq(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        write_until_killed(told[1]);
    }
    close(told[1]);
    while (step < 20) {
        ck_assert_int_eq(read(told[0], &step, sizeof step), (ssize_t)sizeof step);
    }
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    while (read(told[0], &step, sizeof step) == (ssize_t)sizeof step) {
    }
    close(told[0]);

    struct store_meta meta;
    open_store();
    ck_assert_int_eq(store_get_meta(store, &meta), ERR_OK);
    ck_assert_int_ge(meta.step, step); /* a commit that it could not tell of any more */
    ck_assert_int_le(meta.step, step + 1);
    restore();
    ck_assert_uint_eq(row_count, (size_t)meta.step * 3);
    ck_assert(digest == meta.state_digest);
    store_close(store);
    remove_folder();
}
END_TEST

START_TEST(store_counts_open_demands_while_another_connection_writes)
{
    fresh_folder();
    ck_assert_int_eq(store_open_demands(path), -1);
    open_store();
    ck_assert_int_eq(store_open_demands(path), 0);
    struct record rows[2] = {{.table = TABLE_demand}, {.table = TABLE_demand}};
    rows[0].values[COLUMN_demand_id].integer = 1;
    rows[0].values[COLUMN_demand_state].integer = DEMAND_VERIFYING;
    rows[1].values[COLUMN_demand_id].integer = 2;
    rows[1].values[COLUMN_demand_state].integer = DEMAND_DONE;
    commit_all(rows, 2, 1);
    ck_assert_int_eq(store_open_demands(path), 1);
    store_close(store);
    remove_folder();
}
END_TEST

START_TEST(store_refuses_a_file_that_is_none_and_says_why)
{
    fresh_folder();
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1000; i++) {
        fputs("this is no registry\n", file);
    }
    fclose(file);
    struct arena arena = {.memory = memory, .size = sizeof memory};
    ck_assert_int_eq(store_open(&store, path, &arena), ERR_STORE);
    ck_assert_str_ne(store_why(store), "");
    remove_folder();
}
END_TEST

START_TEST(store_audit_table_has_the_columns_that_outsiders_rely_on)
{
    sqlite3 *database = NULL;
    fresh_folder();
    open_store();
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(database, "SELECT lsn, at_ns, event, outcome, who, what, why, previous, hash FROM audit ORDER BY lsn; SELECT * FROM \"limit\"", NULL,
                                  NULL, NULL), SQLITE_OK);
    sqlite3_stmt *statement = NULL;
    ck_assert_int_eq(sqlite3_prepare_v2(database, "SELECT count(*) FROM pragma_table_info('audit') WHERE name = 'lsn' AND pk = 1", -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    ck_assert_int_eq(sqlite3_column_int(statement, 0), 1);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    store_close(store);
    remove_folder();
}
END_TEST

static void make_file(const char *spool, const char *name, char file[200])
{
    snprintf(file, 200, "%s/%s", spool, name);
    FILE *out = fopen(file, "w");
    ck_assert_ptr_nonnull(out);
    fclose(out);
}

START_TEST(store_sweeps_from_the_spool_what_no_row_names)
{
    char named[200], orphan[200], spool[96];
    fresh_folder();
    snprintf(spool, sizeof spool, "%s/spool", folder);
    ck_assert_int_eq(mkdir(spool, 0700), 0);
    make_file(spool, "1-2-1.dcm", named);
    make_file(spool, "1-2-2.dcm", orphan);
    ck_assert_int_eq(store_sweep_spool(path, spool), -1); /* no registry: then no file may go */
    open_store();
    struct record row = {.table = TABLE_spooled};
    for (size_t i = 0; i < records_table(TABLE_spooled)->column_count; i++) {
        row.values[i].text = SLICE("x");
    }
    row.values[COLUMN_spooled_file].text = slice_from(named);
    ck_assert_int_eq(store_begin(store), ERR_OK);
    ck_assert_int_eq(store_put(store, &row), ERR_OK);
    ck_assert_int_eq(store_commit(store, &(struct store_meta){.life = 1, .step = 1}), ERR_OK);
    store_close(store);
    ck_assert_int_eq(store_sweep_spool(path, spool), 1);
    ck_assert_int_eq(access(named, F_OK), 0);
    ck_assert_int_ne(access(orphan, F_OK), 0);
    unlink(named);
    rmdir(spool);
    remove_folder();
}
END_TEST

UNIT_MAIN(store_gives_back_what_was_committed_table_by_table_in_order_of_key, store_put_replaces_and_deletes_by_key,
          store_meta_is_zero_when_fresh_and_then_that_of_the_last_commit, store_forgets_what_was_not_committed,
          store_of_a_killed_process_holds_exactly_its_committed_steps, store_counts_open_demands_while_another_connection_writes,
          store_refuses_a_file_that_is_none_and_says_why, store_sweeps_from_the_spool_what_no_row_names, store_audit_table_has_the_columns_that_outsiders_rely_on)
