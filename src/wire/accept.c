/* SPDX-License-Identifier: MIT
 *
 * The thread that takes new associations and MLLP connections, and hands each to a worker of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/wire/wire_private.h"

#define ASKED_SIZE (1u << 20)
#define BACKLOG 128

/* All peers of a wire world share one address, so that limit is as high as the one over all. */
static const struct front_door_limits door_limits = {
    .half_open_max = 128, .half_open_per_address = 128, .request_deadline_ns = 3 * TIME_S, .request_max = 64u << 10};

/* ---- Listening. */

static int listen_mllp(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 ? ntohs(address.sin_port) : 0;
}

enum err acceptor_open(struct driver *driver, char why[256])
{
    struct acceptor *acceptor = &driver->acceptor;
    const struct driver_config *config = &driver->config;
    acceptor->mllp = acceptor->wake = -1;
    atomic_init(&acceptor->listen, true);
    atomic_init(&acceptor->stop, false);
    if (config->dicom_port != 0 || config->dicom_any_port) {
        enum err err = front_door_open(&acceptor->door, config->host, config->dicom_port, &door_limits);
        if (err != ERR_OK) {
            snprintf(why, 256, "cannot listen on %s:%u: %s", config->host, config->dicom_port, strerror(errno));
            return err;
        }
        acceptor->dicom_port = front_door_port(acceptor->door);
    }
    if (config->hl7_port != 0 || config->hl7_any_port) {
        acceptor->mllp = listen_mllp(config->host, config->hl7_port);
        if (acceptor->mllp < 0) {
            snprintf(why, 256, "cannot listen on %s:%u: %s", config->host, config->hl7_port, strerror(errno));
            return ERR_SYSTEM;
        }
        acceptor->hl7_port = port_of(acceptor->mllp);
    }
    acceptor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return acceptor->wake < 0 ? ERR_SYSTEM : memory_map(&acceptor->memory, ASKED_SIZE);
}

/* ---- Taking. */

static enum err fill_request(struct worker *worker, const struct asked *asked)
{
    worker->request = *asked;
    worker->request.calling = arena_copy(&worker->keep, asked->calling);
    worker->request.called = arena_copy(&worker->keep, asked->called);
    if (worker->request.calling.data == NULL || worker->request.called.data == NULL) {
        return ERR_LIMIT;
    }
    return worker_copy_contexts(&worker->request.contexts, &worker->keep);
}

static void hand_over(struct driver *driver, struct association *association, const struct asked *asked)
{
    struct worker *worker = worker_make(driver, PROTOCOL_DICOM, true);
    if (worker == NULL) {
        association_reject(association, 2, 3, 2); /* transient, local limit exceeded (PS3.8 9.3.4) */
        return;
    }
    worker_set_association(worker, &worker->association, association);
    if (fill_request(worker, asked) != ERR_OK) {
        channels_leave(worker);
        worker_drop(worker);
        association_reject(association, 2, 3, 2);
    } else if (worker_start(worker) != ERR_OK) {
        association_reject(association, 2, 3, 2);
    }
}

static void take_associations(struct driver *driver)
{
    struct acceptor *acceptor = &driver->acceptor;
    struct association *association;
    do {
        struct asked asked;
        association = NULL;
        arena_reset(&acceptor->memory);
        if (front_door_take(acceptor->door, &association, &asked, &acceptor->memory) != ERR_OK) {
            return;
        }
        if (association != NULL) {
            hand_over(driver, association, &asked);
        }
    } while (association != NULL);
}

static void take_connections(struct driver *driver)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    int fd;
    while ((fd = accept4(driver->acceptor.mllp, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct worker *worker = worker_make(driver, PROTOCOL_HL7, true);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (worker == NULL) {
            close(fd);
            continue;
        }
        worker_set_fd(worker, fd);
        inet_ntop(AF_INET, &from.sin_addr, worker->request.address, sizeof worker->request.address);
        if (worker_start(worker) != ERR_OK) {
            close(fd);
        }
        size = sizeof from;
    }
}

/* ---- The thread. */

static void obey_listen(struct driver *driver, bool *listening)
{
    struct acceptor *acceptor = &driver->acceptor;
    bool wanted = atomic_load(&acceptor->listen);
    if (wanted == *listening) {
        return;
    }
    *listening = wanted;
    bool good = acceptor->door == NULL || front_door_listen(acceptor->door, wanted) == ERR_OK;
    if (acceptor->hl7_port != 0 && wanted) {
        acceptor->mllp = listen_mllp(driver->config.host, acceptor->hl7_port);
        good = good && acceptor->mllp >= 0;
    } else if (acceptor->mllp >= 0) {
        close(acceptor->mllp);
        acceptor->mllp = -1;
    }
    if (!good) {
        driver_log(driver, "cannot listen again: %s", strerror(errno));
        queue_quit(&driver->queue);
    }
}

static void *acceptor_main(void *self)
{
    struct driver *driver = self;
    struct acceptor *acceptor = &driver->acceptor;
    bool listening = true;
    while (!atomic_load(&acceptor->stop)) {
        uint64_t count;
        struct pollfd set[3] = {{.fd = acceptor->wake, .events = POLLIN},
                                {.fd = acceptor->door == NULL ? -1 : front_door_fd(acceptor->door), .events = POLLIN},
                                {.fd = acceptor->mllp, .events = POLLIN}};
        if (poll(set, 3, -1) < 0 && errno != EINTR) {
            break;
        }
        (void)!read(acceptor->wake, &count, sizeof count);
        if (set[1].revents != 0) {
            take_associations(driver);
        }
        if (set[2].revents != 0) {
            take_connections(driver);
        }
        obey_listen(driver, &listening);
    }
    return NULL;
}

enum err acceptor_start(struct driver *driver)
{
    driver->acceptor.running = pthread_create(&driver->acceptor.thread, NULL, acceptor_main, driver) == 0;
    return driver->acceptor.running ? ERR_OK : ERR_SYSTEM;
}

void acceptor_listen(struct driver *driver, bool listen)
{
    atomic_store(&driver->acceptor.listen, listen);
    (void)!write(driver->acceptor.wake, &(uint64_t){1}, sizeof(uint64_t));
}

void acceptor_stop(struct driver *driver)
{
    struct acceptor *acceptor = &driver->acceptor;
    if (acceptor->running) {
        atomic_store(&acceptor->stop, true);
        (void)!write(acceptor->wake, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(acceptor->thread, NULL);
    }
    if (acceptor->door != NULL) {
        front_door_close(acceptor->door);
    }
    if (acceptor->mllp >= 0) {
        close(acceptor->mllp);
    }
    if (acceptor->wake >= 0) {
        close(acceptor->wake);
    }
    memory_unmap(&acceptor->memory);
}
