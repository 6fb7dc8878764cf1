/* SPDX-License-Identifier: MIT
 *
 * Machine: how busy the machine was with other work while something was measured on it. */
#ifndef PONT_BENCH_MACHINE_H
#define PONT_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds of processor time, all processors together. */
struct machine_use {
    double all;  /* that went by */
    double busy; /* that somebody used, or another machine on the same metal took */
    double own;  /* of this process and its children that have ended */
};
/* False: the system does not say. */
bool machine_look(struct machine_use *use);
/* The text of /proc/stat, with so many ticks a second; `own` is left as it is. */
bool machine_read(struct machine_use *use, const char *stat, int64_t ticks);
/* Thousandths of the processors' time that others used between two looks. */
int64_t machine_others(const struct machine_use *before, const struct machine_use *after);

#endif
