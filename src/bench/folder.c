/* SPDX-License-Identifier: MIT */
#include "src/bench/folder.h"

#include "src/base/hash.h"
#include "src/bench/json.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum err copy_file(const char *from, const char *folder, const char *name)
{
    char path[600], bytes[1 << 16];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(from, "re"), *out = fopen(path, "we");
    size_t got = 0;
    while (in != NULL && out != NULL && (got = fread(bytes, 1, sizeof bytes, in)) > 0) {
        fwrite(bytes, 1, got, out);
    }
    bool ok = in != NULL && out != NULL && ferror(in) == 0;
    if (in != NULL) {
        fclose(in);
    }
    return (out == NULL || fclose(out) == 0) && ok ? ERR_OK : ERR_SYSTEM;
}

static enum err make_folder(const char *path)
{
    char part[512];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                return ERR_SYSTEM;
            }
            *at = '/';
        }
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST ? ERR_OK : ERR_SYSTEM;
}

static void choose_name(char folder[512], const struct scenario *scenario, const char *world)
{
    time_t now = time(NULL);
    struct tm utc;
    char stamp[32];
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    int size = snprintf(folder, 480, "reports/runs/%.*s-%s-%llu-%s", SLICE_ARGS(scenario->id), world, (unsigned long long)scenario->seed, stamp);
    for (int again = 2; access(folder, F_OK) == 0 && again < 1000; again++) {
        snprintf(folder + size, 16, "-%d", again);
    }
}

void folder_link_latest(const char *folder)
{
    const char *name = strrchr(folder, '/');
    char fresh[64];
    snprintf(fresh, sizeof fresh, "reports/runs/.latest-%d", (int)getpid());
    if (name != NULL && symlink(name + 1, fresh) == 0 && rename(fresh, "reports/runs/latest") != 0) {
        unlink(fresh);
    }
}

/* ---- plan.jsonl. */

static void put_row(FILE *file, slice actor, const struct plan_entry *entry, slice text, time_ns at_ns)
{
    static char line[1 << 16];
    struct buffer buffer = buffer_over(line, sizeof line);
    buffer_put_text(&buffer, "{\"actor\":");
    buffer_put_json(&buffer, actor);
    if (at_ns > 0) {
        buffer_put_text(&buffer, ",\"at\":");
        buffer_put_int(&buffer, at_ns);
    } else {
        buffer_put_text(&buffer, ",\"text\":");
        buffer_put_json(&buffer, text);
    }
    buffer_put_text(&buffer, ",\"entry\":");
    plan_put_json(entry, &buffer);
    buffer.size--; /* the newline of the entry */
    buffer_put_text(&buffer, "}\n");
    fwrite(buffer.data, 1, buffer.size, file);
}

enum err plan_file_open(struct plan_file *plan, const char *folder, const struct scenario *scenario)
{
    char path[600];
    snprintf(path, sizeof path, "%s/plan.jsonl", folder);
    FILE *file = fopen(path, "we");
    *plan = (struct plan_file){.file = file};
    for (size_t h = 0; file != NULL && h < scenario->history_count; h++) {
        put_row(file, SLICE("history"), &scenario->history[h], SLICE_EMPTY, 0);
    }
    for (size_t s = 0; file != NULL && s < scenario->step_count; s++) {
        put_row(file, scenario->story[s].actor, &scenario->story[s].entry, scenario->story[s].text, 0);
    }
    return file != NULL && fflush(file) == 0 ? ERR_OK : ERR_SYSTEM;
}

void plan_file_row(struct plan_file *plan, time_ns at_ns, slice actor, const struct plan_entry *entry)
{
    if (plan->file == NULL) {
        return;
    }
    plan->rows++;
    if (plan->rows <= PLAN_ROWS_MAX) {
        put_row(plan->file, actor, entry, SLICE_EMPTY, at_ns);
    }
    uint64_t hash = hash64(hash64(plan->digest ^ (uint64_t)at_ns, actor), entry->verb) + (uint64_t)entry->kind;
    for (size_t i = 0; i < entry->argument_count; i++) {
        hash = hash64(hash64(hash, entry->arguments[i].name), entry->arguments[i].value);
    }
    plan->digest = hash;
}

void plan_file_close(struct plan_file *plan)
{
    if (plan->file != NULL && plan->rows > PLAN_ROWS_MAX) {
        fprintf(plan->file, "{\"more\":%lld,\"digest\":\"%016llx\"}\n", (long long)(plan->rows - PLAN_ROWS_MAX), (unsigned long long)plan->digest);
    }
    if (plan->file != NULL) {
        fclose(plan->file);
    }
    plan->file = NULL;
}

/* ---- The folder. */

/* Profiles that lie beside the scenario go with it: the run can be judged again wherever its folder is taken. */
static enum err copy_profiles(const struct scenario *scenario, const char *scenario_file, const char *folder)
{
    enum err err = ERR_OK;
    const char *slash = strrchr(scenario_file, '/');
    int size = slash == NULL ? 1 : (int)(slash - scenario_file);
    for (size_t n = 0; n < scenario->node_count && err == ERR_OK; n++) {
        char from[700], name[64];
        const struct vendor_profile *vendor = scenario->nodes[n].vendor;
        if (vendor == NULL) {
            continue;
        }
        snprintf(name, sizeof name, "%.*s.yaml", SLICE_ARGS(slice_before(vendor->vendor, 40)));
        snprintf(from, sizeof from, "%.*s/%s", size, slash == NULL ? "." : scenario_file, name);
        err = access(from, R_OK) == 0 ? copy_file(from, folder, name) : ERR_OK;
    }
    return err;
}

enum err folder_open(char folder[512], const struct scenario *scenario, const char *scenario_file, const char *world, const char *given, char why[256])
{
    static const char *const inner[] = {"journal", "evidence", "plots"};
    char path[600];
    if (given == NULL) {
        choose_name(folder, scenario, world);
    } else {
        snprintf(folder, 512, "%s", given);
    }
    snprintf(path, sizeof path, "%s/scenario.yaml", folder);
    if (access(path, F_OK) == 0) {
        snprintf(why, 256, "%s holds a run already; name another folder with --out or remove it", folder);
        return ERR_BAD_INPUT;
    }
    enum err err = make_folder(folder);
    for (size_t i = 0; err == ERR_OK && i < sizeof inner / sizeof inner[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, inner[i]);
        err = make_folder(path);
    }
    err = err == ERR_OK ? copy_file(scenario_file, folder, "scenario.yaml") : err;
    err = err == ERR_OK ? copy_profiles(scenario, scenario_file, folder) : err;
    if (err != ERR_OK) {
        snprintf(why, 256, "cannot write the run folder %s: %s", folder, strerror(errno));
    }
    return err;
}

enum err folder_show(const char *folder, const char *inner)
{
    static const char *const names[] = {"observations.jsonl", "trace.jsonl", "engine.yaml", "registry.db"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char from[600], to[600];
        snprintf(from, sizeof from, "%s/%s", inner, names[i]);
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        if (symlink(from, to) != 0 && errno != EEXIST) {
            return ERR_SYSTEM;
        }
    }
    return ERR_OK;
}

enum err folder_write(const char *folder, const char *name, slice bytes)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return ERR_SYSTEM;
    }
    bool ok = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    return fclose(file) == 0 && ok ? ERR_OK : ERR_SYSTEM;
}
