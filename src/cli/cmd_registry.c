/* SPDX-License-Identifier: MIT
 *
 * why and audit: what the registry of a run says about one exam, and whether its audit chain is unbroken. Both read
 * registry.db as any SQLite tool could. */
#include "src/base/hash.h"
#include "src/cli/cli.h"
#include "src/cli/why.h"
#include "src/engine/state.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

static sqlite3 *open_registry(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        fprintf(stderr, "pont: cannot open %s: %s\n", path, sqlite3_errmsg(db));
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

static sqlite3_stmt *ask(sqlite3 *db, const char *sql, const char *first, const char *second)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fprintf(stderr, "pont: the registry has another shape: %s\n", sqlite3_errmsg(db));
        return NULL;
    }
    if (first != NULL) {
        sqlite3_bind_text(statement, 1, first, -1, SQLITE_TRANSIENT);
    }
    if (second != NULL) {
        sqlite3_bind_text(statement, 2, second, -1, SQLITE_TRANSIENT);
    }
    return statement;
}

/* Every row as "name value", a line a row. */
static int print_rows(sqlite3 *db, const char *title, const char *sql, const char *first, const char *second)
{
    sqlite3_stmt *statement = ask(db, sql, first, second);
    int rows = 0;
    while (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) {
        printf("%s", rows++ == 0 ? title : "");
        for (int c = 0; c < sqlite3_column_count(statement); c++) {
            const char *value = (const char *)sqlite3_column_text(statement, c);
            if (value != NULL && value[0] != '\0') {
                printf("%s%s %s", c == 0 ? "  " : ", ", sqlite3_column_name(statement, c), value);
            }
        }
        printf("\n");
    }
    sqlite3_finalize(statement);
    return rows;
}

#define STATE_NAMES                                                                                                                       \
    "case state when 1 then 'ordered' when 2 then 'scheduled' when 3 then 'arrived' when 4 then 'completed' when 5 then 'published' "   \
    "when 6 then 'reported' when 7 then 'cancelled' else 'frozen' end"
#define TRANSFER_NAMES "case d.state when 1 then 'waiting' when 2 then 'running' when 3 then 'verifying' when 4 then 'done' when 5 then 'unproven' else 'failed' end"

int cmd_why(int argc, char **argv)
{
    const struct options table = {"why", NULL, 0, 2, 2};
    const char *words[2];
    size_t count = 0;
    int code = options_read(&table, argc, argv, words, &count);
    if (code >= 0) {
        return code;
    }
    char path[600], issuer[64] = "", accession[64] = "";
    const char *slash = strchr(words[1], '/');
    if (slash == NULL || slash - words[1] >= (long)sizeof issuer) {
        return cli_fail(ERR_BAD_INPUT, "\"%s\" is no exam; write ISSUER/ACCESSION, as CWT/CWT000123", words[1]);
    }
    snprintf(issuer, sizeof issuer, "%.*s", (int)(slash - words[1]), words[1]);
    snprintf(accession, sizeof accession, "%s", slash + 1);
    snprintf(path, sizeof path, "%s/registry.db", words[0]);
    if (access(path, F_OK) != 0) {
        return why_in_virtual_time(words[0], issuer, accession); /* it left no registry but its traces */
    }
    sqlite3 *db = open_registry(path);
    if (db == NULL) {
        return 2;
    }
    int rows = print_rows(db, "exam\n", "select issuer, accession, person, " STATE_NAMES " as state, procedure_text as procedure, modality, why as blocked_by from exam where issuer = ? and accession = ?",
                          issuer, accession);
    if (rows == 0) {
        sqlite3_close(db);
        return cli_fail(ERR_NOT_FOUND, "%s knows no exam %s/%s", path, issuer, accession);
    }
    print_rows(db, "study\n", "select s.uid, s.date, s.modalities, s.series_count as series, s.instance_count as images from study s join exam e on e.study = s.id where e.issuer = ? and e.accession = ?", issuer, accession);
    print_rows(db, "copies\n", "select c.node, case c.role when 1 then 'original' else 'leased' end as role, c.instance_count as images from copy c join exam e on e.study = c.study where e.issuer = ? and e.accession = ? and c.state = 1", issuer, accession);
    print_rows(db, "transfers\n", "select d.id, d.destination as \"to\", " TRANSFER_NAMES " as state, d.delivered, d.wanted, d.why as blocked_by from demand d join exam e on e.study = d.study where e.issuer = ? and e.accession = ?", issuer, accession);
    print_rows(db, "priors chosen for it\n", "select p.study, p.score, p.why, case when p.ready_at > 0 then 'there' else 'not there' end as state from prior p where p.exam = ? || '/' || ?", issuer, accession);
    print_rows(db, "audit\n", "select a.lsn, a.event, a.outcome, a.who, a.why from audit a join exam e on e.issuer = ? and e.accession = ? join study s on s.id = e.study where instr(a.what, s.uid) > 0", issuer, accession);
    sqlite3_close(db);
    return 0;
}

static bool audit_row_is_sound(sqlite3_stmt *row, const char *previous, int64_t lsn)
{
    char joined[8192], hash[SHA256_TEXT_SIZE + 1];
    struct buffer buffer = buffer_over(joined, sizeof joined);
    buffer_put_text(&buffer, (const char *)sqlite3_column_text(row, 7));
    buffer_put_byte(&buffer, '\n');
    buffer_put_int(&buffer, sqlite3_column_int64(row, 0));
    buffer_put_byte(&buffer, '\n');
    buffer_put_int(&buffer, sqlite3_column_int64(row, 1));
    for (int c = 2; c <= 6; c++) {
        buffer_put_byte(&buffer, '\n');
        buffer_put_text(&buffer, (const char *)sqlite3_column_text(row, c));
    }
    sha256_text(buffer_slice(&buffer), hash);
    return !buffer.full && sqlite3_column_int64(row, 0) == lsn && strcmp(hash, (const char *)sqlite3_column_text(row, 8)) == 0 &&
           (lsn == 1 || strcmp(previous, (const char *)sqlite3_column_text(row, 7)) == 0);
}

int cmd_audit(int argc, char **argv)
{
    const struct options table = {"audit", NULL, 0, 2, 2};
    const char *words[2];
    size_t count = 0;
    int code = options_read(&table, argc, argv, words, &count);
    if (code >= 0) {
        return code;
    }
    if (strcmp(words[0], "verify") != 0) {
        return cli_fail(ERR_BAD_INPUT, "unknown word \"%s\"; write: pont audit verify DB", words[0]);
    }
    sqlite3 *db = open_registry(words[1]);
    sqlite3_stmt *row = db == NULL ? NULL : ask(db, "select lsn, at_ns, event, outcome, who, what, why, previous, hash from audit order by lsn", NULL, NULL);
    if (row == NULL) {
        sqlite3_close(db);
        return 2;
    }
    char previous[SHA256_TEXT_SIZE + 1] = "";
    int64_t lsn = 0;
    while (sqlite3_step(row) == SQLITE_ROW) {
        if (!audit_row_is_sound(row, previous, lsn + 1)) {
            sqlite3_finalize(row);
            sqlite3_close(db);
            return cli_fail(ERR_FELL_SHORT, "the audit chain of %s breaks at record %lld", words[1], (long long)(lsn + 1));
        }
        snprintf(previous, sizeof previous, "%s", (const char *)sqlite3_column_text(row, 8));
        lsn++;
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    printf("%lld audit records, the chain is unbroken\n", (long long)lsn);
    return 0;
}
