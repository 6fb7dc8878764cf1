/* SPDX-License-Identifier: MIT
 *
 * Files of the spool that no row names: written just before a crash and never acknowledged, or acknowledged, brought
 * home and forgotten just before one. Swept when the engine starts, before it listens. */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "src/store/store.h"

static bool is_named(sqlite3_stmt *statement, const char *file)
{
    sqlite3_bind_text(statement, 1, file, -1, SQLITE_TRANSIENT);
    bool named = sqlite3_step(statement) != SQLITE_DONE; /* a row, or trouble: then it stays */
    sqlite3_reset(statement);
    return named;
}

static int sweep(sqlite3_stmt *statement, const char *folder)
{
    int count = 0;
    DIR *spool = opendir(folder);
    for (struct dirent *entry = spool == NULL ? NULL : readdir(spool); entry != NULL; entry = readdir(spool)) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && !is_named(statement, path)) {
            count += unlink(path) == 0;
        }
    }
    if (spool != NULL) {
        closedir(spool);
    }
    return count;
}

int store_sweep_spool(const char *path, const char *folder)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int count = -1;
    bool open = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK;
    if (open && sqlite3_prepare_v2(database, "SELECT 1 FROM spooled WHERE file = ?", -1, &statement, NULL) == SQLITE_OK) {
        count = sweep(statement, folder);
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return count;
}
