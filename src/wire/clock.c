/* SPDX-License-Identifier: MIT
 *
 * The one clock of a process. */
#include <time.h>

#include "src/wire/wire_private.h"

time_ns monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (time_ns)now.tv_sec * TIME_S + now.tv_nsec;
}

struct timespec monotonic_spec(time_ns at)
{
    return (struct timespec){.tv_sec = at / TIME_S, .tv_nsec = at % TIME_S};
}

int poll_timeout(time_ns until)
{
    if (until == TIME_NEVER) {
        return -1;
    }
    time_ns left = until - monotonic_ns();
    if (left <= 0) {
        return 0;
    }
    time_ns ms = (left + TIME_MS - 1) / TIME_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

time_ns driver_now(const struct driver *driver)
{
    return driver->config.start_ns + monotonic_ns() - driver->origin_ns;
}
