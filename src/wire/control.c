/* SPDX-License-Identifier: MIT
 *
 * The thread that is told what to do: lines from the bench, signals from the system. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

#define LINE_SIZE (1u << 20)

/* ---- The little of JSON that a control line is: an object of texts, numbers and words, with one object inside. */

struct json {
    slice rest;
    struct arena *arena;
    bool bad;
};

static void skip_space(struct json *json)
{
    while (json->rest.size > 0 && (json->rest.data[0] == ' ' || json->rest.data[0] == '\t' || json->rest.data[0] == '\r' || json->rest.data[0] == '\n')) {
        json->rest = slice_after(json->rest, 1);
    }
}

/* Takes the character if it is next. */
static bool take(struct json *json, char wanted)
{
    skip_space(json);
    if (json->rest.size == 0 || json->rest.data[0] != wanted) {
        return false;
    }
    json->rest = slice_after(json->rest, 1);
    return true;
}

static void must(struct json *json, char wanted)
{
    json->bad = !take(json, wanted) || json->bad;
}

static uint32_t hex4(struct json *json)
{
    uint32_t number = 0;
    for (size_t i = 0; i < 4; i++) {
        char digit = json->rest.size > i ? json->rest.data[i] : 'x';
        uint32_t value = digit >= '0' && digit <= '9' ? (uint32_t)(digit - '0') : digit >= 'a' && digit <= 'f' ? (uint32_t)(digit - 'a' + 10)
                         : digit >= 'A' && digit <= 'F' ? (uint32_t)(digit - 'A' + 10) : 16;
        json->bad = json->bad || value > 15;
        number = number * 16 + (value & 15);
    }
    json->rest = slice_after(json->rest, 4);
    return number;
}

static void put_utf8(struct buffer *text, uint32_t code)
{
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    buffer_put_byte(text, (uint8_t)(leads[more] | code >> (6 * more)));
    while (more-- > 0) {
        buffer_put_byte(text, (uint8_t)(0x80 | (code >> (6 * more) & 0x3F)));
    }
}

static void take_escape(struct json *json, struct buffer *text)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char letter = json->rest.size > 0 ? json->rest.data[0] : '\0';
    const char *found = letter == '\0' ? NULL : strchr(from, letter);
    json->rest = slice_after(json->rest, 1);
    if (found != NULL) {
        buffer_put_byte(text, (uint8_t)to[found - from]);
        return;
    }
    json->bad = json->bad || letter != 'u';
    uint32_t code = hex4(json);
    if (code >= 0xD800 && code < 0xDC00 && slice_starts(json->rest, SLICE("\\u"))) { /* two halves (RFC 8259 7) */
        json->rest = slice_after(json->rest, 2);
        code = 0x10000 + ((code - 0xD800) << 10) + ((hex4(json) - 0xDC00) & 0x3FF);
    }
    put_utf8(text, code);
}

static slice take_text(struct json *json)
{
    must(json, '"');
    struct buffer text = buffer_make(json->arena, json->bad ? 0 : json->rest.size);
    while (!json->bad && json->rest.size > 0 && json->rest.data[0] != '"') {
        char byte = json->rest.data[0];
        json->rest = slice_after(json->rest, 1);
        if (byte == '\\') {
            take_escape(json, &text);
        } else {
            buffer_put_byte(&text, (uint8_t)byte);
        }
    }
    must(json, '"');
    json->bad = json->bad || text.full;
    json->arena->used -= text.capacity - text.size; /* what the estimate was too high */
    return buffer_slice(&text);
}

/* A text, or the letters of a number or word. */
static slice take_value(struct json *json)
{
    skip_space(json);
    if (json->rest.size > 0 && json->rest.data[0] == '"') {
        return take_text(json);
    }
    size_t size = 0;
    while (size < json->rest.size && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", json->rest.data[size]) != NULL && json->rest.data[size] != '\0') {
        size++;
    }
    slice word = slice_before(json->rest, size);
    json->rest = slice_after(json->rest, size);
    json->bad = json->bad || size == 0;
    return arena_copy(json->arena, word);
}

static void take_arguments(struct json *json, struct plan_entry *plan)
{
    must(json, '{');
    for (bool more = !json->bad && !take(json, '}'); more && !json->bad;) {
        if (plan->argument_count == PLAN_ARGUMENTS_MAX) {
            json->bad = true;
            return;
        }
        struct plan_argument *argument = &plan->arguments[plan->argument_count++];
        argument->name = take_text(json);
        must(json, ':');
        argument->value = take_value(json);
        more = take(json, ',');
        if (!more) {
            must(json, '}');
        }
    }
}

static bool set_kind(struct event *event, slice kind)
{
    static const struct {
        const char *text;
        enum event_kind event;
        enum plan_kind plan;
    } kinds[] = {{"do", EVENT_PLAN, PLAN_DO}, {"fault", EVENT_PLAN, PLAN_FAULT}, {"heal", EVENT_PLAN, PLAN_HEAL}, {"operator", EVENT_OPERATOR, PLAN_DO}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (slice_equal(kind, slice_from(kinds[i].text))) {
            event->kind = kinds[i].event;
            event->plan.kind = kinds[i].plan;
            return true;
        }
    }
    return false;
}

static void take_member(struct json *json, struct event *event, bool *quit)
{
    slice name = take_text(json);
    must(json, ':');
    if (slice_equal(name, SLICE("args"))) {
        take_arguments(json, &event->plan);
        return;
    }
    slice value = take_value(json);
    if (slice_equal(name, SLICE("id"))) {
        json->bad = !slice_to_int64(value, &event->plan.id) || json->bad;
    } else if (slice_equal(name, SLICE("kind"))) {
        json->bad = !set_kind(event, value) || json->bad;
    } else if (slice_equal(name, SLICE("verb"))) {
        event->plan.verb = value;
    } else if (slice_equal(name, SLICE("quit"))) {
        *quit = slice_equal(value, SLICE("true"));
    } else {
        json->bad = true;
    }
}

enum err control_parse(slice line, struct event *event, bool *quit, struct arena *arena)
{
    struct json json = {.rest = line, .arena = arena};
    *event = (struct event){.kind = EVENT_PLAN, .plan.verb = SLICE_EMPTY};
    *quit = false;
    must(&json, '{');
    for (bool more = !json.bad && !take(&json, '}'); more && !json.bad;) {
        take_member(&json, event, quit);
        more = take(&json, ',');
        if (!more) {
            must(&json, '}');
        }
    }
    skip_space(&json);
    bool says = *quit || event->plan.verb.size > 0;
    return json.bad || json.rest.size > 0 || !says ? ERR_BAD_MESSAGE : ERR_OK;
}

/* ---- The thread. */

static void obey_line(struct driver *driver, slice line, struct arena *arena)
{
    struct event event;
    bool quit = false;
    arena_reset(arena);
    if (slice_trim(line).size == 0) {
        return;
    }
    if (control_parse(line, &event, &quit, arena) != ERR_OK) {
        driver_log(driver, "a control line that says nothing: %.*s", SLICE_ARGS(slice_before(line, 200)));
        return;
    }
    if (quit) {
        queue_quit(&driver->queue);
        return;
    }
    struct buffer bytes = buffer_make(arena, 4 * line.size + 4096);
    event_write(&event, &bytes);
    if (!bytes.full) {
        (void)queue_append(&driver->queue, buffer_slice(&bytes));
    }
}

/* Takes what stands in the descriptor; false at its end. */
static bool take_lines(struct driver *driver, struct buffer *pending, struct arena *arena)
{
    ssize_t got = read(driver->config.control, pending->data + pending->size, pending->capacity - pending->size);
    if (got <= 0) {
        return got < 0 && (errno == EINTR || errno == EAGAIN);
    }
    pending->size += (size_t)got;
    slice rest = buffer_slice(pending);
    while (slice_index(rest, '\n') < rest.size) {
        size_t end = slice_index(rest, '\n');
        obey_line(driver, slice_before(rest, end), arena);
        rest = slice_after(rest, end + 1);
    }
    if (rest.size == pending->capacity) {
        driver_log(driver, "a control line longer than %u bytes was left out", LINE_SIZE);
        rest.size = 0;
    }
    memmove(pending->data, rest.data, rest.size);
    pending->size = rest.size;
    return true;
}

static void *control_main(void *self)
{
    struct driver *driver = self;
    struct control *control = &driver->control;
    struct arena lines = control->memory;
    struct buffer pending = buffer_over(memory_carve(&lines, LINE_SIZE).memory, LINE_SIZE);
    struct arena arena = memory_carve(&lines, lines.size - lines.used - 64);
    int fd = driver->config.control;
    for (;;) {
        struct pollfd set[3] = {{.fd = control->wake, .events = POLLIN}, {.fd = fd, .events = POLLIN}, {.fd = control->signals, .events = POLLIN}};
        if (poll(set, 3, -1) < 0 && errno != EINTR) {
            return NULL;
        }
        if (set[0].revents != 0) {
            return NULL;
        }
        if (set[1].revents != 0 && !take_lines(driver, &pending, &arena)) {
            fd = -1; /* whoever told us what to do is gone */
            queue_quit(&driver->queue);
        }
        if (set[2].revents != 0) {
            struct signalfd_siginfo info;
            (void)!read(control->signals, &info, sizeof info);
            queue_quit(&driver->queue);
        }
    }
}

/* Before any other thread: they inherit the mask, so that only the descriptor sees the signals. */
static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum err control_start(struct driver *driver)
{
    struct control *control = &driver->control;
    control->signals = driver->config.signals ? open_signals() : -1;
    control->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = control->wake < 0 || (driver->config.signals && control->signals < 0) ? ERR_SYSTEM : memory_map(&control->memory, 16 * LINE_SIZE);
    if (err == ERR_OK) {
        control->running = pthread_create(&control->thread, NULL, control_main, driver) == 0;
        err = control->running ? ERR_OK : ERR_SYSTEM;
    }
    return err;
}

void control_stop(struct driver *driver)
{
    struct control *control = &driver->control;
    if (control->running) {
        (void)!write(control->wake, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(control->thread, NULL);
    }
    if (control->wake >= 0) {
        close(control->wake);
    }
    if (control->signals >= 0) {
        close(control->signals);
    }
    memory_unmap(&control->memory);
}
