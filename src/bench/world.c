/* SPDX-License-Identifier: MIT */
#include "src/bench/world.h"

#include "src/actor/serial.h"
#include "src/bench/json.h"
#include "src/bench/ports.h"

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
#define STOP_MS 10000               /* from the word to quit to the signal, and again to SIGKILL */
#define CONTROL_FD 3
#define OBSERVE_FD 4

struct process {
    pid_t pid;      /* 0: not running */
    int control, observe;
    int64_t life;   /* counts starts */
    bool listens, may_end;
    char *line;     /* LINE_MAX_SIZE bytes */
    size_t line_size;
};

struct world {
    struct scenario *scenario;
    struct world_options options;
    struct ports ports;
    struct process processes[SCENARIO_NODES_MAX];
    FILE *observations;
    int64_t line;
    time_ns origin_ns; /* CLOCK_MONOTONIC at scenario->start */
    struct arena scratch;
    struct world_resources resources;
    char why[256];
};

static time_ns monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (time_ns)now.tv_sec * TIME_S + now.tv_nsec;
}

time_ns world_now(const struct world *world)
{
    return world->scenario->start + monotonic_ns() - world->origin_ns;
}

const char *world_why(const struct world *world)
{
    return world->why;
}

static const char *node_id(const struct world *world, size_t node)
{
    return world->scenario->nodes[node].id.data; /* ids end in NUL: arena_copy made them */
}

/* ---- Files that the processes read. */

static enum err write_file(const char *folder, const char *name, slice bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return ERR_SYSTEM;
    }
    bool ok = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    return fclose(file) == 0 && ok ? ERR_OK : ERR_SYSTEM;
}

static enum err choose_ports(struct world *world)
{
    struct scenario *scenario = world->scenario;
    char host[64];
    snprintf(host, sizeof host, "%.*s", SLICE_ARGS(scenario->bind));
    enum err err = scenario->port_base > 0 ? ports_fixed(&world->ports, scenario->port_base) : ports_take(&world->ports, host);
    for (size_t n = 0; err == ERR_OK && n < scenario->node_count; n++) {
        struct scenario_node *node = &scenario->nodes[n];
        node->dicom_port = ports_next(&world->ports, host);
        node->hl7_port = node->kind == KIND_ENGINE || node->kind == KIND_RIS ? ports_next(&world->ports, host) : 0;
        err = node->dicom_port == 0 ? ERR_SYSTEM : ERR_OK;
    }
    return err;
}

static enum err write_ports(struct world *world)
{
    struct buffer text = buffer_make(&world->scratch, 1 << 16);
    for (size_t n = 0; n < world->scenario->node_count; n++) {
        const struct scenario_node *node = &world->scenario->nodes[n];
        buffer_put(&text, node->id);
        buffer_put_byte(&text, ' ');
        buffer_put_int(&text, node->dicom_port);
        buffer_put_byte(&text, ' ');
        buffer_put_int(&text, node->hl7_port);
        buffer_put_byte(&text, '\n');
    }
    enum err err = write_file(world->options.folder, "ports.txt", buffer_slice(&text));
    struct buffer yaml = buffer_make(&world->scratch, 1 << 18);
    if (err == ERR_OK && world->options.engine_config == NULL) {
        err = engine_yaml_write(world->scenario, world->options.folder, &yaml);
        err = err == ERR_OK ? write_file(world->options.folder, "engine.yaml", buffer_slice(&yaml)) : err;
    }
    arena_reset(&world->scratch);
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

static void argue_engine(const struct world *world, struct arguments *arguments, int64_t life)
{
    char path[512];
    snprintf(path, sizeof path, "%s/engine.yaml", world->options.folder);
    argue(arguments, "engine");
    argue(arguments, world->options.engine_config == NULL ? path : world->options.engine_config);
    argue_number(arguments, "--life", life);
    argue_slice(arguments, "--mutant", world->options.mutant);
    argue_slice(arguments, "--without", world->options.without);
    if (world->options.run_max > 0) {
        argue_number(arguments, "--run-max", world->options.run_max);
    }
    if (world->options.trace) {
        snprintf(path, sizeof path, "%s/trace.jsonl", world->options.folder);
        argue(arguments, "--trace");
        argue(arguments, path);
    }
}

static void argue_actor(const struct world *world, struct arguments *arguments, size_t node)
{
    char path[512];
    argue(arguments, "actor");
    argue(arguments, world->options.scenario_file);
    argue(arguments, "--name");
    argue(arguments, node_id(world, node));
    snprintf(path, sizeof path, "%s/ports.txt", world->options.folder);
    argue(arguments, "--ports");
    argue(arguments, path);
    argue(arguments, "--folder");
    argue(arguments, world->options.folder);
    argue_slice(arguments, "--quirks", world->options.quirks);
    if (world->options.seed_given) {
        argue_number(arguments, "--seed", (int64_t)world->options.seed);
    }
    if (world->options.run_max > 0) {
        argue_number(arguments, "--run-max", world->options.run_max);
    }
}

static void run_child(const struct world *world, struct arguments *arguments, size_t node, const int descriptors[2])
{
    char path[512];
    snprintf(path, sizeof path, "%s/log-%s.txt", world->options.folder, node_id(world, node));
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
    execv(world->options.program, arguments->list);
    _exit(3);
}

static enum err spawn(struct world *world, size_t node)
{
    struct process *process = &world->processes[node];
    struct arguments *arguments = calloc(1, sizeof *arguments);
    int control[2] = {-1, -1}, observe[2] = {-1, -1};
    if (arguments == NULL || pipe2(control, O_CLOEXEC) != 0 || pipe2(observe, O_CLOEXEC) != 0) {
        free(arguments);
        return ERR_SYSTEM;
    }
    process->life++;
    argue(arguments, world->options.program);
    if (world->scenario->nodes[node].kind == KIND_ENGINE) {
        argue_engine(world, arguments, process->life);
    } else {
        argue_actor(world, arguments, node);
    }
    argue_number(arguments, "--control", CONTROL_FD);
    argue_number(arguments, "--observe", OBSERVE_FD);
    argue_number(arguments, "--start", world->scenario->start);
    argue_number(arguments, "--origin", world->origin_ns);
    fflush(NULL);
    process->pid = fork();
    if (process->pid == 0) {
        run_child(world, arguments, node, (const int[2]){control[0], observe[1]});
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

void world_note(struct world *world, const struct observation *observation, world_observer *observer, void *self)
{
    static char text[LINE_MAX_SIZE];
    struct buffer line = buffer_over(text, sizeof text);
    observation_put_json(observation, &line);
    buffer_put_byte(&line, '\n');
    fwrite(line.data, 1, line.size, world->observations);
    world->line++;
    if (observer != NULL) {
        observer(self, observation, world->line);
    }
}

static void take_line(struct world *world, size_t node, slice line, world_observer *observer, void *self)
{
    struct process *process = &world->processes[node];
    struct observation observation;
    arena_reset(&world->scratch);
    if (observation_from_json(&observation, line, &world->scratch) != ERR_OK) {
        observation = (struct observation){.kind = OBSERVATION_note, .at_ns = world_now(world), .text = line};
    }
    observation.actor = world->scenario->nodes[node].id; /* one name for each, whatever the process calls itself */
    world_note(world, &observation, observer, self);
    if (observation.kind == OBSERVATION_ready) {
        process->listens = true;
        if (process->life > 1) {
            struct observation again = {.kind = OBSERVATION_restarted, .at_ns = observation.at_ns, .actor = observation.actor, .count = process->life};
            world_note(world, &again, observer, self);
        }
    }
}

static void take_bytes(struct world *world, size_t node, world_observer *observer, void *self)
{
    struct process *process = &world->processes[node];
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
            take_line(world, node, line, observer, self);
        }
        process->line_size = rest.size == LINE_MAX_SIZE ? 0 : rest.size; /* a line without end is dropped */
        if (process->line_size > 0) {
            memmove(process->line, rest.data, process->line_size);
        }
    }
}

static void reap(struct world *world, size_t node, int options)
{
    struct process *process = &world->processes[node];
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
    if (world->scenario->nodes[node].kind == KIND_ENGINE) {
        double rss = (double)usage.ru_maxrss / 1024.0;
        world->resources.engine_cpu_s += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        world->resources.engine_rss_max_mib = rss > world->resources.engine_rss_max_mib ? rss : world->resources.engine_rss_max_mib;
    }
    if (!process->may_end) {
        snprintf(world->why, sizeof world->why, "%s ended by itself (%s %d); its last words are in %s/log-%s.txt", node_id(world, node),
                 WIFSIGNALED(status) ? "signal" : "exit code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), world->options.folder, node_id(world, node));
    }
}

enum err world_poll(struct world *world, int timeout_ms, world_observer *observer, void *self)
{
    struct pollfd set[SCENARIO_NODES_MAX];
    size_t nodes[SCENARIO_NODES_MAX], count = 0;
    for (size_t n = 0; n < world->scenario->node_count; n++) {
        if (world->processes[n].observe >= 0) {
            set[count] = (struct pollfd){.fd = world->processes[n].observe, .events = POLLIN};
            nodes[count++] = n;
        }
    }
    if (poll(set, count, timeout_ms) < 0 && errno != EINTR) {
        return ERR_SYSTEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (set[i].revents != 0) {
            take_bytes(world, nodes[i], observer, self);
        }
    }
    for (size_t n = 0; n < world->scenario->node_count; n++) {
        reap(world, n, WNOHANG);
    }
    return world->why[0] == '\0' ? ERR_OK : ERR_PEER_GONE;
}

static size_t find_node(const struct world *world, slice id)
{
    size_t n = 0;
    while (n < world->scenario->node_count && !slice_equal(world->scenario->nodes[n].id, id)) {
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

enum err world_tell(struct world *world, slice node, const struct plan_entry *entry)
{
    static char text[LINE_MAX_SIZE];
    size_t n = find_node(world, node);
    struct buffer line = buffer_over(text, sizeof text);
    plan_put_json(entry, &line);
    if (n == world->scenario->node_count || line.full || world->processes[n].pid <= 0) {
        return ERR_NOT_FOUND;
    }
    return write_line(world->processes[n].control, buffer_slice(&line));
}

enum err world_kill(struct world *world, slice node, bool stay_down, world_observer *observer, void *self)
{
    size_t n = find_node(world, node);
    if (n == world->scenario->node_count || world->processes[n].pid <= 0) {
        return ERR_NOT_FOUND;
    }
    struct process *process = &world->processes[n];
    process->may_end = true;
    kill(process->pid, SIGKILL);
    reap(world, n, 0);
    if (process->observe >= 0) {
        take_bytes(world, n, observer, self); /* what it said before it died */
    }
    if (process->observe >= 0) {
        close(process->observe);
        process->observe = -1;
    }
    struct observation killed = {.kind = OBSERVATION_killed, .at_ns = world_now(world), .actor = world->scenario->nodes[n].id, .count = process->life};
    world_note(world, &killed, observer, self);
    return stay_down ? ERR_OK : spawn(world, n);
}

/* ---- Start and stop. */

static bool runs(const struct world *world, size_t node)
{
    const struct scenario_node *it = &world->scenario->nodes[node];
    return !it->external && !(it->kind == KIND_ENGINE && world->options.without_engine);
}

static enum err await_all(struct world *world)
{
    time_ns until = monotonic_ns() + START_MS * TIME_MS;
    for (;;) {
        size_t waiting = world->scenario->node_count;
        for (size_t n = 0; n < world->scenario->node_count; n++) {
            waiting -= !runs(world, n) || world->processes[n].listens;
        }
        if (waiting == 0) {
            return ERR_OK;
        }
        time_ns left = until - monotonic_ns();
        enum err err = left <= 0 ? ERR_TIMEOUT : world_poll(world, (int)(left / TIME_MS) + 1, world->options.observer, world->options.observer_self);
        if (err == ERR_TIMEOUT) {
            snprintf(world->why, sizeof world->why, "%zu of %zu processes do not listen after %d s; see the log-*.txt in %s", waiting,
                     world->scenario->node_count, START_MS / 1000, world->options.folder);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
}

static enum err start_all(struct world *world)
{
    char path[512];
    snprintf(path, sizeof path, "%s/observations.jsonl", world->options.folder);
    world->observations = fopen(path, "we");
    enum err err = world->observations == NULL ? ERR_SYSTEM : choose_ports(world);
    if (err != ERR_OK) {
        snprintf(world->why, sizeof world->why, "cannot take ports on %.*s or write to %.100s: %s", SLICE_ARGS(world->scenario->bind), path, strerror(errno));
        return err;
    }
    err = write_ports(world);
    for (size_t n = 0; err == ERR_OK && n < world->scenario->node_count; n++) {
        err = runs(world, n) ? spawn(world, n) : ERR_OK;
    }
    if (err != ERR_OK) {
        snprintf(world->why, sizeof world->why, "cannot start the processes in %s: %s", world->options.folder, strerror(errno));
        return err;
    }
    return await_all(world);
}

enum err world_start(struct world **out, struct scenario *scenario, const struct world_options *options, char why[256], struct arena *arena)
{
    struct world *world = arena_alloc(arena, sizeof *world);
    enum err client = scenario_add_client(scenario, SLICE("tryme"), SLICE("TRYME"), arena);
    char *lines = arena_array(arena, scenario->node_count, LINE_MAX_SIZE);
    if (client != ERR_OK || world == NULL || lines == NULL) {
        snprintf(why, 256, "the arena of the run is too small for %zu nodes", scenario->node_count);
        return ERR_LIMIT;
    }
    *world = (struct world){.scenario = scenario, .options = *options, .ports = {.holder = -1}, .origin_ns = monotonic_ns()};
    enum err err = arena_carve(&world->scratch, arena, 4u << 20);
    for (size_t n = 0; n < SCENARIO_NODES_MAX; n++) {
        world->processes[n] = (struct process){.control = -1, .observe = -1, .line = n < scenario->node_count ? lines + n * LINE_MAX_SIZE : NULL};
    }
    signal(SIGPIPE, SIG_IGN);
    err = err == ERR_OK ? start_all(world) : err;
    if (err != ERR_OK) {
        snprintf(why, 256, "%s", world->why);
        world_stop(world, NULL, NULL);
        return err;
    }
    *out = world;
    return ERR_OK;
}

/* Lets the processes of these kinds end: says quit, waits, then signals, then kills. */
static void end_kind(struct world *world, enum scenario_kind kind, world_observer *observer, void *self)
{
    static const int signals[] = {0, SIGTERM, SIGKILL};
    for (size_t round = 0; round < sizeof signals / sizeof signals[0]; round++) {
        size_t left = 0;
        for (size_t n = 0; n < world->scenario->node_count; n++) {
            struct process *process = &world->processes[n];
            if (world->scenario->nodes[n].kind != kind || process->pid <= 0) {
                continue;
            }
            left++;
            process->may_end = true;
            if (round == 0) {
                (void)!write_line(process->control, SLICE("{\"quit\":true}\n"));
            } else {
                kill(process->pid, signals[round]);
            }
        }
        time_ns until = monotonic_ns() + STOP_MS * TIME_MS;
        while (left > 0 && monotonic_ns() < until) {
            (void)!world_poll(world, 50, observer, self);
            left = 0;
            for (size_t n = 0; n < world->scenario->node_count; n++) {
                left += world->scenario->nodes[n].kind == kind && world->processes[n].pid > 0;
            }
        }
    }
}

void world_stop(struct world *world, world_observer *observer, void *self)
{
    static const enum scenario_kind order[] = {KIND_RIS, KIND_VIEWER, KIND_ENGINE, KIND_PACS};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        end_kind(world, order[i], observer, self);
    }
    for (size_t n = 0; n < world->scenario->node_count; n++) {
        struct process *process = &world->processes[n];
        if (process->observe >= 0) {
            take_bytes(world, n, observer, self);
        }
        if (process->observe >= 0) {
            close(process->observe);
            process->observe = -1;
        }
        if (world->scenario->nodes[n].kind == KIND_ENGINE) {
            world->resources.engine_lives = process->life;
        }
    }
    if (world->observations != NULL) {
        fclose(world->observations);
        world->observations = NULL;
    }
    ports_give_back(&world->ports);
}

struct world_resources world_resources(const struct world *world)
{
    return world->resources;
}
