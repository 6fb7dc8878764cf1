/* SPDX-License-Identifier: MIT */
#include "src/bench/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LIVE_NS (100 * TIME_MS)
#define PLAIN_NS (3 * TIME_S)

static time_ns monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (time_ns)now.tv_sec * TIME_S + now.tv_nsec;
}

bool progress_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && (no == NULL || no[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

void progress_begin(struct progress *progress, enum progress_mode mode)
{
    const char *term = getenv("TERM");
    bool live = mode == PROGRESS_AUTO && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    *progress = (struct progress){.mode = mode, .live = live, .begun_ns = monotonic_ns()};
}

/* Between steps the story waits for events, so the time left is only an estimate: not shown while it waits long. */
static void put_left(char *text, size_t size, const struct progress_state *state, time_ns spent)
{
    text[0] = '\0';
    if (state->done >= 3 && state->planned > state->done) {
        time_ns left = spent / (time_ns)state->done * (time_ns)(state->planned - state->done);
        snprintf(text, size, ", about %lld s left", (long long)(left / TIME_S + 1));
    }
}

/* Virtual time: the date, how fast it goes, how long it may still take at this pace. */
static void put_virtual(char *line, size_t size, const struct progress_state *state, time_ns spent)
{
    char left[48] = "";
    struct calendar date = time_calendar(state->at_ns);
    time_ns gone = state->at_ns - state->from_ns, whole = state->until_ns - state->from_ns;
    if (state->until_ns > 0 && gone > whole / 100 && gone < whole) {
        snprintf(left, sizeof left, ", about %lld s left", (long long)((double)spent / (double)gone * (double)(whole - gone) / 1e9 + 1));
    }
    snprintf(line, size, "%3lld s  %04d-%02d-%02d %02d:%02d  %.2f M events, %.2f M/s, %lld messages, %lld images%s  %.*s", (long long)(spent / TIME_S), date.year, date.month,
             date.day, date.hour, date.minute, (double)state->events / 1e6, spent > 0 ? (double)state->events * 1e3 / (double)spent : 0.0, (long long)state->messages,
             (long long)state->images, left, SLICE_ARGS(state->now));
}

void progress_show(struct progress *progress, const struct progress_state *state)
{
    time_ns now = monotonic_ns();
    if (progress->mode == PROGRESS_NONE || (!state->force && now - progress->shown_ns < (progress->live ? LIVE_NS : PLAIN_NS))) {
        return;
    }
    char line[256], left[48];
    if (state->at_ns > 0) {
        put_virtual(line, sizeof line, state, now - progress->begun_ns);
    } else {
        put_left(left, sizeof left, state, state->told_ns);
        snprintf(line, sizeof line, "%3lld s  %zu/%zu  %lld messages, %lld images, %lld queries%s  %.*s", (long long)((now - progress->begun_ns) / TIME_S), state->done,
                 state->planned, (long long)state->messages, (long long)state->images, (long long)state->queries, left, SLICE_ARGS(state->now));
    }
    progress->shown_ns = now;
    if (progress->live) {
        fprintf(stderr, "\r\033[K%.79s", line);
        fflush(stderr);
    } else if (strcmp(line, progress->last) != 0) {
        fprintf(stderr, "pont: %s\n", line);
    }
    snprintf(progress->last, sizeof progress->last, "%s", line);
}

void progress_end(struct progress *progress)
{
    if (progress->live) {
        fputs("\r\033[K", stderr);
    }
}
