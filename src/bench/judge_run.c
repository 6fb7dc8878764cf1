/* SPDX-License-Identifier: MIT
 *
 * Judging a run folder: its observations and, life by life, what the journal gives when it is fed to an engine built
 * afresh, both in order of time. */
#include "src/base/hash.h"
#include "src/bench/json.h"
#include "src/bench/judge.h"
#include "src/bench/run.h"
#include "src/engine/engine.h"
#include "src/wire/replay.h"

#include <stdio.h>
#include <unistd.h>

#define OBSERVATIONS_MAX 1000000
#define LIVES_MAX 64

struct feed {
    struct judge *judge;
    struct observation *observations;
    int64_t count, next; /* the next one to feed; its line is next + 1 */
    struct results *results;
    int64_t life;
    uint64_t digest;
};

static enum err read_observations(struct feed *feed, const char *folder, struct arena *arena)
{
    char path[600];
    static char line[1 << 17];
    snprintf(path, sizeof path, "%s/observations.jsonl", folder);
    FILE *file = fopen(path, "re");
    size_t room = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        room++;
    }
    feed->observations = room > OBSERVATIONS_MAX ? NULL : arena_array(arena, room + 1, sizeof *feed->observations);
    if (file == NULL || feed->observations == NULL) {
        if (file != NULL) {
            fclose(file);
        }
        return file == NULL ? ERR_NOT_FOUND : ERR_LIMIT;
    }
    rewind(file);
    enum err err = ERR_OK;
    while (err == ERR_OK && fgets(line, sizeof line, file) != NULL && (size_t)feed->count < room) {
        slice text = slice_trim(slice_from(line));
        err = observation_from_json(&feed->observations[feed->count], text, arena);
        if (err == ERR_BAD_MESSAGE) { /* a line cut by a crash is a note: line numbers stay */
            feed->observations[feed->count] = (struct observation){.kind = OBSERVATION_note};
            err = ERR_OK;
        }
        feed->count++;
    }
    fclose(file);
    return err;
}

static enum err feed_until(struct feed *feed, time_ns at_ns)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && feed->next < feed->count && feed->observations[feed->next].at_ns <= at_ns) {
        err = judge_observe(feed->judge, &feed->observations[feed->next], feed->next + 1);
        feed->next++;
    }
    return err;
}

static enum err on_start(void *self, const struct replay_start *start)
{
    struct feed *feed = self;
    enum err err = feed_until(feed, start->at_ns);
    err = err == ERR_OK ? judge_life(feed->judge, start->life) : err;
    if (err == ERR_OK && start->life > 1) {
        err = judge_restored(feed->judge, start->life, start->before.state_digest, start->restored_digest);
    }
    return err;
}

static enum err on_record(void *self, const struct record *record, int64_t step, time_ns at_ns, bool restored)
{
    struct feed *feed = self;
    enum err err = restored ? ERR_OK : feed_until(feed, at_ns);
    return err == ERR_OK ? judge_record(feed->judge, record, step, at_ns, restored) : err;
}

static enum err on_committed(void *self, int64_t step, uint64_t digest, time_ns at_ns)
{
    struct feed *feed = self;
    feed->digest = digest;
    return judge_committed(feed->judge, step, digest, at_ns);
}

static enum err on_left(void *self, const struct command *command, int64_t step, time_ns at_ns)
{
    struct feed *feed = self;
    enum err err = feed_until(feed, at_ns);
    return err == ERR_OK ? judge_left(feed->judge, command, step, at_ns) : err;
}

/* One life: an engine from engine.yaml, fed with journal/N.bin. */
static enum err replay_life(struct feed *feed, const char *folder, int64_t life, unsigned run_max, char why[256])
{
    char path[600], next[600], yaml[600];
    static struct problems problems;
    struct engine_file *file = NULL;
    struct engine *engine = NULL;
    struct arena config = {0}, memory = {0};
    snprintf(path, sizeof path, "%s/journal/%lld.bin", folder, (long long)life);
    snprintf(next, sizeof next, "%s/journal/%lld.bin", folder, (long long)life + 1);
    snprintf(yaml, sizeof yaml, "%s/engine.yaml", folder);
    enum err err = arena_make(&config, 16u << 20);
    err = err == ERR_OK ? engine_yaml_read(&file, yaml, &problems, &config) : err;
    if (err == ERR_OK && run_max > 0) {
        file->config.run_max = run_max;
    }
    if (err == ERR_OK) {
        judge_deadline(feed->judge, file->config.query_deadline_ns);
        judge_patience(feed->judge, file->config.source_timeout_ns);
    }
    err = err == ERR_OK ? arena_make(&memory, (size_t)file->config.memory) : err;
    err = err == ERR_OK ? engine_init(&engine, &file->config, &memory) : err;
    if (err == ERR_OK) {
        struct actor actor = engine_actor(engine);
        struct replay_start after;
        bool killed = access(next, F_OK) == 0 && replay_peek(next, &after) == ERR_OK;
        struct replay_watcher watcher = {feed, on_start, on_record, on_committed, on_left};
        struct replay_result result;
        err = replay_journal(&result, path, &actor, killed ? &after.before : NULL, &watcher);
        if (err == ERR_OK) {
            feed->results->sut_steps += result.steps;
            feed->results->events += result.steps;
            feed->results->trace_hash = hash64(feed->results->trace_hash, (slice){(const char *)&result.command_hash, sizeof result.command_hash});
            err = judge_replayed(feed->judge, life, result.equal, result.equal ? SLICE("equal at every commit") : slice_from(result.difference));
        }
    }
    if (err != ERR_OK) {
        snprintf(why, 256, "journal %.200s cannot be replayed: %s", path, err_text(err));
    }
    arena_drop(&memory);
    arena_drop(&config);
    return err;
}

enum err run_judge(struct results *results, struct scenario *scenario, const char *folder, unsigned run_max, char why[256], struct arena *arena)
{
    struct feed feed = {.results = results};
    char path[600];
    enum err err = read_observations(&feed, folder, arena);
    err = err == ERR_OK ? judge_init(&feed.judge, scenario, arena) : err;
    if (err != ERR_OK) {
        snprintf(why, 256, "%.200s/observations.jsonl cannot be read: %s", folder, err_text(err));
        if (feed.judge != NULL) {
            judge_drop(feed.judge);
        }
        return err;
    }
    for (int64_t life = 1; err == ERR_OK && life <= LIVES_MAX; life++) {
        snprintf(path, sizeof path, "%s/journal/%lld.bin", folder, (long long)life);
        if (access(path, F_OK) != 0) {
            break;
        }
        feed.life = life;
        err = replay_life(&feed, folder, life, run_max, why);
    }
    if (feed.life > results->lives) {
        results->lives = feed.life;
    }
    err = err == ERR_OK ? feed_until(&feed, TIME_NEVER) : err;
    results->state_digest = feed.digest;
    err = err == ERR_OK ? judge_end(feed.judge, results) : err;
    judge_drop(feed.judge);
    return err;
}
