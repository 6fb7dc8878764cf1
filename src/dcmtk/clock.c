/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/dcmtk_private.h"

#include <time.h>

time_ns clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * TIME_S + now.tv_nsec;
}

time_ns clock_after(time_ns timeout)
{
    time_ns now = clock_now();
    if (timeout < 0) {
        return now;
    }
    return timeout > TIME_NEVER - now ? TIME_NEVER : now + timeout;
}

int clock_poll_timeout(time_ns deadline)
{
    if (deadline == TIME_NEVER) {
        return -1;
    }
    time_ns left = deadline - clock_now();
    if (left <= 0) {
        return 0;
    }
    time_ns ms = (left + TIME_MS - 1) / TIME_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}
