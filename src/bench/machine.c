/* SPDX-License-Identifier: MIT */
#include "src/bench/machine.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* proc(5): user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user already. */
enum column { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };

bool machine_read(struct machine_use *use, const char *stat, int64_t ticks)
{
    long long n[COLUMNS] = {0};
    int found = sscanf(stat, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &n[USER], &n[NICE], &n[SYSTEM], &n[IDLE], &n[IOWAIT], &n[IRQ], &n[SOFTIRQ], &n[STEAL]);
    if (found < IOWAIT || ticks <= 0) {
        return false;
    }
    long long all = 0;
    for (int i = 0; i < COLUMNS; i++) {
        all += n[i];
    }
    use->all = (double)all / (double)ticks;
    use->busy = (double)(all - n[IDLE] - n[IOWAIT]) / (double)ticks;
    return true;
}

static double used(int whose)
{
    struct rusage usage;
    if (getrusage(whose, &usage) != 0) {
        return 0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

bool machine_look(struct machine_use *use)
{
    char line[256];
    FILE *file = fopen("/proc/stat", "re");
    bool ok = file != NULL && fgets(line, sizeof line, file) != NULL && machine_read(use, line, sysconf(_SC_CLK_TCK));
    if (file != NULL) {
        fclose(file);
    }
    use->own = used(RUSAGE_SELF) + used(RUSAGE_CHILDREN);
    return ok;
}

int64_t machine_others(const struct machine_use *before, const struct machine_use *after)
{
    double all = after->all - before->all, others = after->busy - before->busy - (after->own - before->own);
    return all <= 0 || others <= 0 ? 0 : others >= all ? 1000 : (int64_t)(others / all * 1000 + 0.5);
}
