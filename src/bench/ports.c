/* SPDX-License-Identifier: MIT */
#include "src/bench/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PORT 20000u
#define LAST_PORT 31999u

/* An abstract socket of this name, bound by one process at a time. */
static int hold(uint16_t first)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int size = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "pont-ports-%u", first);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool can_bind(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool free_now = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0;
    close(fd);
    return free_now;
}

enum err ports_take(struct ports *ports, const char *host)
{
    unsigned blocks = (LAST_PORT - FIRST_PORT + 1) / PORTS_MAX;
    for (unsigned i = 0; i < blocks; i++) {
        /* Start where this process's number says, so that runs begun together seldom try the same block. */
        uint16_t first = (uint16_t)(FIRST_PORT + ((unsigned)getpid() * 7 + i) % blocks * PORTS_MAX);
        int fd = hold(first);
        if (fd < 0) {
            continue;
        }
        if (can_bind(host, first)) {
            *ports = (struct ports){.holder = fd, .first = first, .count = 0};
            return ERR_OK;
        }
        close(fd);
    }
    return ERR_SYSTEM;
}

enum err ports_fixed(struct ports *ports, uint16_t base)
{
    *ports = (struct ports){.holder = -1, .first = base};
    return base > 65535 - PORTS_MAX ? ERR_LIMIT : ERR_OK;
}

uint16_t ports_next(struct ports *ports, const char *host)
{
    while (ports->count < PORTS_MAX) {
        uint16_t port = (uint16_t)(ports->first + ports->count++);
        if (ports->holder < 0 || can_bind(host, port)) {
            return port;
        }
    }
    return 0;
}

void ports_give_back(struct ports *ports)
{
    if (ports->holder >= 0) {
        close(ports->holder);
    }
    *ports = (struct ports){.holder = -1};
}
