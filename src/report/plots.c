/* SPDX-License-Identifier: MIT
 *
 * Plots: data, script and picture lie side by side in plots/, so that anyone can draw them again. */
#include "src/report/report_private.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[LATENCY_COUNT] = {"query", "retrieve", "publish", "first_image"};
static const char *const titles[LATENCY_COUNT] = {"Question to final answer", "Retrieve to final answer", "Completion at RADIS2 to seen published", "Retrieve to first image"};

/* Of very many points as many as a screen can show, the last among them. */
#define POINTS_MAX 500
static void put_data(struct buffer *data, const struct latency *latency)
{
    char line[64];
    int64_t stride = (latency->kept + POINTS_MAX - 1) / POINTS_MAX;
    buffer_put_text(data, "# share of all in %, milliseconds\n");
    for (int64_t i = (latency->kept - 1) % (stride > 0 ? stride : 1); i < latency->kept; i += stride) {
        snprintf(line, sizeof line, "%.3f %.3f\n", 100.0 * (double)(i + 1) / (double)latency->kept, (double)latency->sorted_ns[i] / 1e6);
        buffer_put_text(data, line);
    }
}

/* A scale by powers of ten only where times differ by more than one of them. */
static bool is_wide(const struct latency *latency)
{
    return latency->sorted_ns[0] > 0 && latency->sorted_ns[latency->kept - 1] / 10 > latency->sorted_ns[0];
}

static void put_script(struct buffer *script, const struct results *results, int kind)
{
    char text[2048];
    const struct latency *latency = &results->latency[kind];
    snprintf(text, sizeof text,
             "# Draws %s.svg from %s.dat: gnuplot %s.gp\n"
             "set terminal svg noenhanced size 560,330 font 'sans-serif,13'\n"
             "set output '%s.svg'\n"
             "set title \"%s:\\nhalf within %.0f ms, all within %.0f ms\"\n"
             "set border 3\nset tics nomirror\nset grid ytics lc rgb '#b8c0cc' lw 0.5\nset format y '%%.0f'\n%s\n"
             "set xlabel 'share answered within, %% of n = %lld; seed %llu, world %.*s'\nset ylabel 'ms'\nset xrange [0:100]\n"
             "unset key\nplot '%s.dat' using 1:2 with steps lw 2 lc rgb '#0072B2', '' using 1:2 with points pt 7 ps 0.45 lc rgb '#0072B2'\n",
             names[kind], names[kind], names[kind], names[kind], titles[kind], latency_ms(latency, 50), latency_ms(latency, 100),
             is_wide(latency) ? "set logscale y" : "set yrange [0:*]", (long long)latency->count,
             (unsigned long long)results->scenario->seed, SLICE_ARGS(results->world), names[kind]);
    buffer_put_text(script, text);
}

/* Runs gnuplot in the folder; the page does without a picture that could not be drawn. */
static void draw(const char *folder, const char *script)
{
    fflush(NULL); /* or the child would write it again */
    pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) != 0 || freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) {
            _exit(1);
        }
        execlp("gnuplot", "gnuplot", script, (char *)NULL);
        _exit(127);
    }
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
}

void report_plots(const struct results *results, const char *folder, struct arena *arena)
{
    char plots[512], name[64], why[256];
    snprintf(plots, sizeof plots, "%s/plots", folder);
    for (int kind = 0; kind < LATENCY_COUNT; kind++) {
        struct arena before = *arena;
        struct buffer data = buffer_make(arena, 1 << 20), script = buffer_make(arena, 4096);
        if (results->latency[kind].count >= 2) {
            put_data(&data, &results->latency[kind]);
            put_script(&script, results, kind);
            snprintf(name, sizeof name, "%s.dat", names[kind]);
            enum err err = report_file(plots, name, buffer_slice(&data), why);
            snprintf(name, sizeof name, "%s.gp", names[kind]);
            if (err == ERR_OK && report_file(plots, name, buffer_slice(&script), why) == ERR_OK) {
                draw(plots, name);
            }
        }
        arena->used = before.used;
    }
}
