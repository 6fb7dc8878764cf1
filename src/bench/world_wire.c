/* SPDX-License-Identifier: MIT
 *
 * The wire world: one process for the engine and each emulated node, told by JSON lines on one pipe and observed on another. */
#include "src/bench/world.h"

#include "src/actor/serial.h"
#include "src/bench/folder.h"
#include "src/bench/json.h"
#include "src/bench/lines.h"
#include "src/bench/ports.h"
#include "src/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_SIZE (1u << 16)    /* one observation */
#define START_MS 30000              /* until every process listens */
#define POLL_NS (50 * TIME_MS)      /* progress is shown so often */
#define STOP_MS 10000               /* from the word to quit to the signal, and again to SIGKILL */
#define CONTROL_FD 3
#define OBSERVE_FD 4

struct child {
    pid_t pid;      /* 0: not running */
    int control, observe;
    int64_t life;   /* counts starts */
    bool listens, may_end;
    char *line;     /* LINE_MAX_SIZE bytes */
    size_t line_size;
};

struct wire {
    struct scenario *scenario;
    struct world_options options;
    struct ports ports;
    struct lines lines;
    struct child processes[SCENARIO_NODES_MAX];
    FILE *observations;
    int64_t line;
    time_ns origin_ns; /* CLOCK_MONOTONIC at scenario->start */
    struct arena scratch, lines_memory;
    struct world_resources resources;
    char why[256];
};

static time_ns monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (time_ns)now.tv_sec * TIME_S + now.tv_nsec;
}

static time_ns wire_now(const void *self)
{
    const struct wire *wire = self;
    return wire->scenario->start + monotonic_ns() - wire->origin_ns;
}

static const char *wire_why(const void *self)
{
    return ((const struct wire *)self)->why;
}

static const char *node_id(const struct wire *wire, size_t node)
{
    return wire->scenario->nodes[node].id.data; /* ids end in NUL: arena_copy made them */
}

/* ---- Files that the processes read. */

static enum err choose_ports(struct wire *wire)
{
    struct scenario *scenario = wire->scenario;
    char host[64];
    snprintf(host, sizeof host, "%.*s", SLICE_ARGS(scenario->bind));
    enum err err = scenario->port_base > 0 ? ports_fixed(&wire->ports, scenario->port_base) : ports_take(&wire->ports, host);
    for (size_t n = 0; err == ERR_OK && n < scenario->node_count; n++) {
        struct scenario_node *node = &scenario->nodes[n];
        node->dicom_port = ports_next(&wire->ports, host);
        node->hl7_port = node->kind == KIND_ENGINE || node->kind == KIND_RIS ? ports_next(&wire->ports, host) : 0;
        err = node->dicom_port == 0 ? ERR_SYSTEM : ERR_OK;
    }
    return err;
}

/* ---- Processes. */

struct arguments {
    char *list[48];
    size_t count;
    char text[8192];
    size_t used;
};

static void argue(struct arguments *arguments, const char *text)
{
    size_t size = strlen(text) + 1;
    if (arguments->count + 1 >= sizeof arguments->list / sizeof arguments->list[0] || size > sizeof arguments->text - arguments->used) {
        abort(); /* the list below is fixed: it fits */
    }
    arguments->list[arguments->count++] = memcpy(arguments->text + arguments->used, text, size);
    arguments->used += size;
}

static void argue_number(struct arguments *arguments, const char *option, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    argue(arguments, option);
    argue(arguments, text);
}

static void argue_slice(struct arguments *arguments, const char *option, slice value)
{
    char text[256];
    if (value.size > 0) {
        snprintf(text, sizeof text, "%.*s", SLICE_ARGS(value));
        argue(arguments, option);
        argue(arguments, text);
    }
}

static void argue_engine(const struct wire *wire, struct arguments *arguments, int64_t life)
{
    char path[512];
    snprintf(path, sizeof path, "%s/engine.yaml", wire->options.folder);
    argue(arguments, "engine");
    argue(arguments, wire->options.engine_config == NULL ? path : wire->options.engine_config);
    argue_number(arguments, "--life", life);
    argue_slice(arguments, "--mutant", wire->options.mutant);
    argue_slice(arguments, "--without", wire->options.without);
    if (wire->options.run_max > 0) {
        argue_number(arguments, "--run-max", wire->options.run_max);
    }
    if (wire->options.trace) {
        snprintf(path, sizeof path, "%s/trace.jsonl", wire->options.folder);
        argue(arguments, "--trace");
        argue(arguments, path);
    }
}

static void argue_actor(const struct wire *wire, struct arguments *arguments, size_t node)
{
    char path[680], name[160];
    argue(arguments, "actor");
    argue(arguments, wire->options.scenario_file);
    argue(arguments, "--name");
    argue(arguments, node_id(wire, node));
    lines_file(&wire->lines, wire->scenario, node, name);
    snprintf(path, sizeof path, "%s/%s", wire->options.folder, name);
    argue(arguments, "--ports");
    argue(arguments, path);
    argue(arguments, "--folder");
    argue(arguments, wire->options.folder);
    argue_slice(arguments, "--quirks", wire->options.quirks);
    if (wire->options.seed_given) {
        argue_number(arguments, "--seed", (int64_t)wire->options.seed);
    }
    if (wire->options.run_max > 0) {
        argue_number(arguments, "--run-max", wire->options.run_max);
    }
}

static void run_child(const struct wire *wire, struct arguments *arguments, size_t node, const int descriptors[2])
{
    char path[512];
    snprintf(path, sizeof path, "%s/log-%s.txt", wire->options.folder, node_id(wire, node));
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), none = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0); /* ^C at the terminal reaches the bench alone: it ends the others in order */
    int control = fcntl(descriptors[0], F_DUPFD, 10), observe = fcntl(descriptors[1], F_DUPFD, 10);
    if (log < 0 || none < 0 || control < 0 || observe < 0 || dup2(none, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 ||
        dup2(control, CONTROL_FD) < 0 || dup2(observe, OBSERVE_FD) < 0) {
        _exit(3);
    }
    close(control);
    close(observe);
    arguments->list[arguments->count] = NULL;
    execv(wire->options.program, arguments->list);
    _exit(3);
}

static enum err spawn(struct wire *wire, size_t node)
{
    struct child *process = &wire->processes[node];
    struct arguments *arguments = calloc(1, sizeof *arguments);
    int control[2] = {-1, -1}, observe[2] = {-1, -1};
    if (arguments == NULL || pipe2(control, O_CLOEXEC) != 0 || pipe2(observe, O_CLOEXEC) != 0) {
        free(arguments);
        return ERR_SYSTEM;
    }
    process->life++;
    argue(arguments, wire->options.program);
    if (wire->scenario->nodes[node].kind == KIND_ENGINE) {
        argue_engine(wire, arguments, process->life);
    } else {
        argue_actor(wire, arguments, node);
    }
    argue_number(arguments, "--control", CONTROL_FD);
    argue_number(arguments, "--observe", OBSERVE_FD);
    argue_number(arguments, "--start", wire->scenario->start);
    argue_number(arguments, "--origin", wire->origin_ns);
    fflush(NULL);
    process->pid = fork();
    if (process->pid == 0) {
        run_child(wire, arguments, node, (const int[2]){control[0], observe[1]});
    }
    close(control[0]);
    close(observe[1]);
    free(arguments);
    fcntl(observe[0], F_SETFL, O_NONBLOCK);
    process->control = control[1];
    process->observe = observe[0];
    process->listens = false;
    process->may_end = false;
    process->line_size = 0;
    return process->pid > 0 ? ERR_OK : ERR_SYSTEM;
}

/* ---- Observations. */

static void wire_note(void *self, const struct observation *observation)
{
    struct wire *wire = self;
    static char text[LINE_MAX_SIZE];
    struct buffer line = buffer_over(text, sizeof text);
    observation_put_json(observation, &line);
    buffer_put_byte(&line, '\n');
    fwrite(line.data, 1, line.size, wire->observations);
    wire->line++;
    if (wire->options.observer != NULL) {
        wire->options.observer(wire->options.observer_self, observation, wire->line);
    }
}

static void take_line(struct wire *wire, size_t node, slice line)
{
    struct child *process = &wire->processes[node];
    struct observation observation;
    arena_reset(&wire->scratch);
    if (observation_from_json(&observation, line, &wire->scratch) != ERR_OK) {
        observation = (struct observation){.kind = OBSERVATION_note, .at_ns = wire_now(wire), .text = line};
    }
    observation.actor = wire->scenario->nodes[node].id; /* one name for each, whatever the process calls itself */
    wire_note(wire, &observation);
    if (observation.kind == OBSERVATION_ready) {
        process->listens = true;
        if (process->life > 1) {
            struct observation again = {.kind = OBSERVATION_restarted, .at_ns = observation.at_ns, .actor = observation.actor, .count = process->life};
            wire_note(wire, &again);
        }
    }
}

static void take_bytes(struct wire *wire, size_t node)
{
    struct child *process = &wire->processes[node];
    for (;;) {
        ssize_t got = read(process->observe, process->line + process->line_size, LINE_MAX_SIZE - process->line_size);
        if (got <= 0) {
            if (got == 0) {
                close(process->observe);
                process->observe = -1;
            }
            return;
        }
        process->line_size += (size_t)got;
        slice rest = {process->line, process->line_size};
        while (slice_index(rest, '\n') < rest.size) {
            slice line = slice_cut(&rest, '\n');
            take_line(wire, node, line);
        }
        process->line_size = rest.size == LINE_MAX_SIZE ? 0 : rest.size; /* a line without end is dropped */
        if (process->line_size > 0) {
            memmove(process->line, rest.data, process->line_size);
        }
    }
}

static void reap(struct wire *wire, size_t node, int options)
{
    struct child *process = &wire->processes[node];
    struct rusage usage;
    int status = 0;
    if (process->pid <= 0 || wait4(process->pid, &status, options, &usage) != process->pid) {
        return;
    }
    process->pid = 0;
    if (process->control >= 0) {
        close(process->control);
        process->control = -1;
    }
    if (wire->scenario->nodes[node].kind == KIND_ENGINE) {
        double rss = (double)usage.ru_maxrss / 1024.0;
        wire->resources.engine_cpu_s += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        wire->resources.engine_rss_max_mib = rss > wire->resources.engine_rss_max_mib ? rss : wire->resources.engine_rss_max_mib;
    }
    if (!process->may_end) {
        snprintf(wire->why, sizeof wire->why, "%s ended by itself (%s %d); its last words are in %s/log-%s.txt", node_id(wire, node),
                 WIFSIGNALED(status) ? "signal" : "exit code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), wire->options.folder, node_id(wire, node));
    }
}

static enum err wait_for(struct wire *wire, int timeout_ms)
{
    struct pollfd set[SCENARIO_NODES_MAX];
    size_t nodes[SCENARIO_NODES_MAX], count = 0;
    for (size_t n = 0; n < wire->scenario->node_count; n++) {
        if (wire->processes[n].observe >= 0) {
            set[count] = (struct pollfd){.fd = wire->processes[n].observe, .events = POLLIN};
            nodes[count++] = n;
        }
    }
    if (poll(set, count, timeout_ms) < 0 && errno != EINTR) {
        return ERR_SYSTEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (set[i].revents != 0) {
            take_bytes(wire, nodes[i]);
        }
    }
    for (size_t n = 0; n < wire->scenario->node_count; n++) {
        reap(wire, n, WNOHANG);
    }
    return wire->why[0] == '\0' ? ERR_OK : ERR_PEER_GONE;
}

static enum err wire_poll(void *self, time_ns until)
{
    struct wire *wire = self;
    time_ns left = until == TIME_NEVER ? POLL_NS : until - wire_now(wire);
    left = left < 0 ? 0 : left > POLL_NS ? POLL_NS : left;
    return wait_for(wire, (int)((left + TIME_MS - 1) / TIME_MS));
}

static size_t find_node(const struct wire *wire, slice id)
{
    size_t n = 0;
    while (n < wire->scenario->node_count && !slice_equal(wire->scenario->nodes[n].id, id)) {
        n++;
    }
    return n;
}

static enum err write_line(int fd, slice line)
{
    while (line.size > 0) {
        ssize_t put = write(fd, line.data, line.size);
        if (put < 0 && errno != EINTR) {
            return ERR_PEER_GONE;
        }
        line = slice_after(line, put < 0 ? 0 : (size_t)put);
    }
    return ERR_OK;
}

/* `line`: of a link's fault which of the scenario's lines, from 1. */
static void note_fault(struct wire *wire, slice actor, int64_t line, const struct plan_entry *entry)
{
    struct observation seen = {.kind = entry->kind == PLAN_FAULT ? OBSERVATION_fault_began : OBSERVATION_fault_ended, .at_ns = wire_now(wire), .actor = actor, .number = line, .text = entry->verb};
    if (entry->kind == PLAN_FAULT) {
        seen.other_id = plan_get(entry, "fault");
        seen.flag = plan_get_int(entry, "announced", 0) != 0;
    }
    wire_note(wire, &seen);
}

static enum err tell_link(struct wire *wire, int64_t link, const struct plan_entry *entry)
{
    if (link < 0 || (size_t)link >= wire->scenario->link_count) {
        return ERR_NOT_FOUND;
    }
    enum err err = lines_tell(&wire->lines, (uint32_t)link, entry);
    if (err == ERR_OK) {
        note_fault(wire, wire->scenario->links[link].id, link + 1, entry);
    } else {
        snprintf(wire->why, sizeof wire->why, "the shaper does not take `%.*s` for link %lld: %s", SLICE_ARGS(entry->verb), (long long)link, err_text(err));
    }
    return err;
}

/* A process that stands still is the system's doing; an archive does it by itself, as in virtual time. */
static bool stands_still(const struct wire *wire, size_t n, const struct plan_entry *entry)
{
    return wire->scenario->nodes[n].kind != KIND_PACS && entry->kind != PLAN_DO && slice_equal(entry->verb, SLICE("pause"));
}

static enum err wire_tell(void *self, slice node, const struct plan_entry *entry)
{
    struct wire *wire = self;
    static char text[LINE_MAX_SIZE];
    size_t n = find_node(wire, node);
    int64_t link = 0;
    if (slice_starts(node, SLICE("link ")) && slice_to_int64(slice_after(node, 5), &link)) {
        return tell_link(wire, link, entry);
    }
    if (n < wire->scenario->node_count && wire->processes[n].pid > 0 && stands_still(wire, n, entry)) {
        kill(wire->processes[n].pid, entry->kind == PLAN_FAULT ? SIGSTOP : SIGCONT);
        note_fault(wire, node, 0, entry);
        return ERR_OK;
    }
    struct buffer line = buffer_over(text, sizeof text);
    plan_put_json(entry, &line);
    if (n == wire->scenario->node_count || line.full || wire->processes[n].pid <= 0) {
        return ERR_NOT_FOUND;
    }
    return write_line(wire->processes[n].control, buffer_slice(&line));
}

static enum err wire_kill(void *self, slice node, bool stay_down)
{
    struct wire *wire = self;
    size_t n = find_node(wire, node);
    if (n == wire->scenario->node_count || wire->processes[n].pid <= 0) {
        return ERR_NOT_FOUND;
    }
    struct child *process = &wire->processes[n];
    process->may_end = true;
    kill(process->pid, SIGKILL);
    reap(wire, n, 0);
    if (process->observe >= 0) {
        take_bytes(wire, n); /* what it said before it died */
    }
    if (process->observe >= 0) {
        close(process->observe);
        process->observe = -1;
    }
    struct observation killed = {.kind = OBSERVATION_killed, .at_ns = wire_now(wire), .actor = wire->scenario->nodes[n].id, .count = process->life};
    wire_note(wire, &killed);
    return stay_down ? ERR_OK : spawn(wire, n);
}

static enum err wire_revive(void *self, slice node)
{
    struct wire *wire = self;
    size_t n = find_node(wire, node);
    return n == wire->scenario->node_count ? ERR_NOT_FOUND : wire->processes[n].pid > 0 ? ERR_OK : spawn(wire, n);
}

/* Read as any SQLite tool would, while the engine goes on. */
static int64_t wire_open_demands(void *self)
{
    const struct wire *wire = self;
    char path[600];
    snprintf(path, sizeof path, "%s/registry.db", wire->options.folder);
    return store_open_demands(path);
}

/* ---- Start and stop. */

static bool runs(const struct wire *wire, size_t node)
{
    const struct scenario_node *it = &wire->scenario->nodes[node];
    return !it->external && !(it->kind == KIND_ENGINE && wire->options.without_engine);
}

static enum err await_all(struct wire *wire)
{
    time_ns until = monotonic_ns() + START_MS * TIME_MS;
    for (;;) {
        size_t waiting = wire->scenario->node_count;
        for (size_t n = 0; n < wire->scenario->node_count; n++) {
            waiting -= !runs(wire, n) || wire->processes[n].listens;
        }
        if (waiting == 0) {
            return ERR_OK;
        }
        time_ns left = until - monotonic_ns();
        enum err err = left <= 0 ? ERR_TIMEOUT : wait_for(wire, (int)(left / TIME_MS) + 1);
        if (err == ERR_TIMEOUT) {
            snprintf(wire->why, sizeof wire->why, "%zu of %zu processes do not listen after %d s; see the log-*.txt in %s", waiting,
                     wire->scenario->node_count, START_MS / 1000, wire->options.folder);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
}

static enum err start_all(struct wire *wire)
{
    char path[512];
    snprintf(path, sizeof path, "%s/observations.jsonl", wire->options.folder);
    wire->observations = fopen(path, "we");
    enum err err = wire->observations == NULL ? ERR_SYSTEM : choose_ports(wire);
    if (err != ERR_OK) {
        snprintf(wire->why, sizeof wire->why, "cannot take ports on %.*s or write to %.100s: %s", SLICE_ARGS(wire->scenario->bind), path, strerror(errno));
        return err;
    }
    err = lines_open(&wire->lines, wire->scenario, &wire->lines_memory);
    err = err == ERR_OK ? lines_write(&wire->lines, wire->scenario, wire->options.folder, wire->options.engine_config == NULL, &wire->scratch) : err;
    for (size_t n = 0; err == ERR_OK && n < wire->scenario->node_count; n++) {
        err = runs(wire, n) ? spawn(wire, n) : ERR_OK;
    }
    if (err != ERR_OK) {
        snprintf(wire->why, sizeof wire->why, "cannot start the processes in %s: %s", wire->options.folder, strerror(errno));
        return err;
    }
    return await_all(wire);
}

/* Lets the processes of these kinds end: says quit, waits, then signals, then kills. */
static void end_kind(struct wire *wire, enum scenario_kind kind)
{
    static const int signals[] = {0, SIGTERM, SIGKILL};
    for (size_t round = 0; round < sizeof signals / sizeof signals[0]; round++) {
        size_t left = 0;
        for (size_t n = 0; n < wire->scenario->node_count; n++) {
            struct child *process = &wire->processes[n];
            if (wire->scenario->nodes[n].kind != kind || process->pid <= 0) {
                continue;
            }
            left++;
            process->may_end = true;
            if (round == 0) {
                kill(process->pid, SIGCONT); /* in case it stands still */
                (void)!write_line(process->control, SLICE("{\"quit\":true}\n"));
            } else {
                kill(process->pid, signals[round]);
            }
        }
        time_ns until = monotonic_ns() + STOP_MS * TIME_MS;
        while (left > 0 && monotonic_ns() < until) {
            (void)!wait_for(wire, 50);
            left = 0;
            for (size_t n = 0; n < wire->scenario->node_count; n++) {
                left += wire->scenario->nodes[n].kind == kind && wire->processes[n].pid > 0;
            }
        }
    }
}

static void wire_stop(void *self)
{
    struct wire *wire = self;
    static const enum scenario_kind order[] = {KIND_RIS, KIND_VIEWER, KIND_ENGINE, KIND_PACS};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        end_kind(wire, order[i]);
    }
    for (size_t n = 0; n < wire->scenario->node_count; n++) {
        struct child *process = &wire->processes[n];
        if (process->observe >= 0) {
            take_bytes(wire, n);
        }
        if (process->observe >= 0) {
            close(process->observe);
            process->observe = -1;
        }
        if (wire->scenario->nodes[n].kind == KIND_ENGINE) {
            wire->resources.engine_lives = process->life;
        }
    }
    if (wire->observations != NULL) {
        fclose(wire->observations);
        wire->observations = NULL;
    }
    lines_close(&wire->lines);
    ports_give_back(&wire->ports);
}

static struct world_resources wire_resources(const void *self)
{
    return ((const struct wire *)self)->resources;
}

enum err world_wire(struct world *world, struct scenario *scenario, const struct world_options *options, char why[256], struct arena *arena)
{
    struct wire *wire = arena_alloc(arena, sizeof *wire);
    enum err client = scenario_add_client(scenario, SLICE("tryme"), SLICE("TRYME"), arena);
    char *lines = arena_array(arena, scenario->node_count, LINE_MAX_SIZE);
    if (client != ERR_OK || wire == NULL || lines == NULL) {
        snprintf(why, 256, "the arena of the run is too small for %zu nodes", scenario->node_count);
        return ERR_LIMIT;
    }
    *wire = (struct wire){.scenario = scenario, .options = *options, .ports = {.holder = -1}, .lines = {.control = -1}, .origin_ns = monotonic_ns()};
    *world = (struct world){wire, false, wire_tell, wire_poll, wire_note, wire_kill, wire_revive, wire_open_demands, NULL, NULL, wire_now, wire_why, wire_stop, wire_resources};
    enum err err = arena_carve(&wire->scratch, arena, 8u << 20);
    err = err == ERR_OK ? arena_carve(&wire->lines_memory, arena, 4u << 20) : err;
    for (size_t n = 0; n < SCENARIO_NODES_MAX; n++) {
        wire->processes[n] = (struct child){.control = -1, .observe = -1, .line = n < scenario->node_count ? lines + n * LINE_MAX_SIZE : NULL};
    }
    signal(SIGPIPE, SIG_IGN);
    err = err == ERR_OK ? start_all(wire) : err;
    if (err != ERR_OK) {
        snprintf(why, 256, "%s", wire->why);
        wire->options.observer = NULL; /* nobody plays */
        wire_stop(wire);
    }
    return err;
}
