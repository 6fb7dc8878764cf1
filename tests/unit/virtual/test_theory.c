/* SPDX-License-Identifier: MIT
 *
 * The virtual world against queueing theory: what is built on its queue, services, channels and links must have the means that
 * the books give. Seeds are fixed, so these cannot flake; the bound is three standard errors of the mean, made from
 * a hundred batches. */
#include "tests/unit/virtual/toy.h"

#define BATCHES 100

/* ---- Means of batches. */

struct means {
    double sums[BATCHES];
    int64_t counts[BATCHES], per_batch, seen, skipped, skip;
};

static void means_add(struct means *means, double value)
{
    if (means->skipped < means->skip) { /* until the world is as busy as it will be */
        means->skipped++;
        return;
    }
    int64_t batch = means->seen++ / means->per_batch;
    if (batch < BATCHES) {
        means->sums[batch] += value;
        means->counts[batch]++;
    }
}

static void means_check(const struct means *means, double theory)
{
    double sum = 0, square = 0;
    for (size_t b = 0; b < BATCHES; b++) {
        ck_assert_int_eq(means->counts[b], means->per_batch);
        double mean = means->sums[b] / (double)means->per_batch;
        sum += mean;
        square += mean * mean;
    }
    double mean = sum / BATCHES, variance = (square - sum * mean) / (BATCHES - 1), error = real_sqrt(variance / BATCHES);
    ck_assert_msg(mean > theory - 3 * error && mean < theory + 3 * error, "mean %f, theory %f, standard error %f", mean, theory, error);
    ck_assert_msg(error < theory / 20, "the error %f is too large to say anything of %f", error, theory);
}

static time_ns exponential(uint32_t purpose, int64_t index, double mean_ns)
{
    return real_round(-real_log(real_unit(random_draw(11, purpose, 0, (uint64_t)index))) * mean_ns) + 1;
}

/* ---- A crowd of customers before one server: each takes an idle channel of its own, says how much it wants, waits for the
 * answer. The demand is the span of a C-STORE: so many microseconds. */

#define CHANNELS 900

enum law { EXPONENTIAL, FIXED, LOGNORMAL, TABLE };

/* Of the service that is drawn by a table, as `make calibrate` writes them: the factor in thousandths for the 0th, 10th ... 100th in a hundred. */
static const uint32_t table[] = {174, 383, 533, 677, 829, 1000, 1206, 1477, 1878, 2612, 5740};
#define TABLE_COUNT (sizeof table / sizeof table[0])
#define SIGMA 0.8

static struct crowd {
    int64_t free[CHANNELS], first_channel;
    size_t free_count;
    time_ns began[2 * CHANNELS + 4];
    int64_t arrivals, opened, most;
    double mean_between_ns, mean_service_ns, asked_ns; /* asked: of what is asked for, which a table stretches */
    enum law law;
    struct means sojourn;
} crowd;

/* Of the given mean: the median is exp(-sigma^2 / 2) of it. */
static double lognormal(int64_t index, double mean)
{
    double normal = real_normal(real_unit(random_draw(11, 3, 0, (uint64_t)index)));
    return mean * real_exp(SIGMA * normal - SIGMA * SIGMA / 2);
}

static time_ns crowd_demand_us(int64_t index, double mean_us)
{
    switch (crowd.law) {
    case EXPONENTIAL:
        return exponential(2, index, mean_us);
    case LOGNORMAL:
        return real_round(lognormal(index, mean_us)) + 1;
    case FIXED:
    case TABLE: /* the service draws its own */
        break;
    }
    return (time_ns)mean_us;
}

static void crowd_arrive(struct toy *toy, time_ns now, struct out *out)
{
    time_ns demand = crowd_demand_us(crowd.arrivals, crowd.asked_ns / 1000);
    ck_assert_uint_gt(crowd.free_count, 0);
    int64_t channel = crowd.free[--crowd.free_count];
    crowd.began[channel] = now;
    toy_store(out, channel, (uint32_t)demand, 1);
    crowd.arrivals++;
    toy->due = crowd.arrivals < crowd.most ? now + exponential(1, crowd.arrivals, crowd.mean_between_ns) : TIME_NEVER;
}

static void take_crowd(struct toy *toy, const struct event *event, struct out *out)
{
    if (event->kind == EVENT_PLAN) {
        for (size_t c = 0; c < CHANNELS; c++) {
            toy_dial(toy, out, 1, PROTOCOL_DICOM);
            if (out->command_count == OUT_COMMANDS_MAX / 2) {
                break;
            }
        }
    } else if (event->kind == EVENT_OPENED) {
        crowd.free[crowd.free_count++] = event->channel;
        crowd.opened++;
    } else if (event->kind == EVENT_CLOCK && crowd.opened > 0) {
        crowd_arrive(toy, event->at_ns, out);
    } else if (event->kind == EVENT_RECEIVED) {
        means_add(&crowd.sojourn, (double)(event->at_ns - crowd.began[event->channel]));
        crowd.free[crowd.free_count++] = event->channel;
    } else if (event->kind == EVENT_OPERATOR) {
        toy->due = event->at_ns + 1;
    }
}

/* Means of a factor of the table and of its square: it is straight between its points. */
static double table_mean(void)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < TABLE_COUNT; i++) {
        sum += (table[i] + table[i + 1]) / 2e3;
    }
    return sum / (TABLE_COUNT - 1);
}

static double table_square(void)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < TABLE_COUNT; i++) {
        double low = table[i] / 1e3, high = table[i + 1] / 1e3;
        sum += (low * low + low * high + high * high) / 3;
    }
    return sum / (TABLE_COUNT - 1);
}

static void run_crowd(uint32_t servers, double load, enum law law, int64_t customers)
{
    memset(&crowd, 0, sizeof crowd);
    toys_make(2);
    t.list[0].take = take_crowd;
    t.list[1].take = take_serve;
    t.nodes[1].services[VIRTUAL_STORE] = (struct virtual_time){.each_ns = TIME_US, .slots = servers};
    if (law == TABLE) {
        t.nodes[1].services[VIRTUAL_STORE].quantiles = table;
        t.nodes[1].services[VIRTUAL_STORE].quantile_count = TABLE_COUNT;
    }
    t.config.limits.idle_timeout_ns = 1000 * TIME_DAY;
    t.config.limits.node_channels_max = 2000;
    toys_open();
    crowd.asked_ns = 10e6;
    crowd.mean_service_ns = law == TABLE ? crowd.asked_ns * table_mean() : crowd.asked_ns;
    crowd.mean_between_ns = crowd.mean_service_ns / (load * servers);
    crowd.law = law;
    crowd.most = customers;
    crowd.sojourn = (struct means){.per_batch = customers * 9 / 10 / BATCHES, .skip = customers / 20};
    for (int i = 0; i < 3; i++) {
        toy_tell(0, TIME_S, "open");
    }
    toys_run(2 * TIME_S);
    ck_assert_int_eq(virtual_operate(t.virtual, 0, &(struct plan_entry){.verb = SLICE("go")}, TOY_START + 3 * TIME_S), ERR_OK);
    toys_run(TIME_DAY);
    ck_assert_int_eq(crowd.arrivals, customers);
    struct virtual_use use = virtual_service_use(t.virtual, 1, VIRTUAL_STORE);
    ck_assert_int_eq(use.arrivals, customers);
    ck_assert_int_eq(use.departures, customers);
    ck_assert_uint_eq(use.length_ns, use.sojourn_ns); /* Little: what was present, over time, is what each spent */
    ck_assert_uint_eq(use.length_ns_high, use.sojourn_ns_high);
}

/* Chance to wait, Erlang's C. */
static double erlang_c(uint32_t servers, double load)
{
    double a = load * servers, term = 1, sum = 0;
    for (uint32_t n = 0; n < servers; n++) {
        sum += term;
        term *= a / (n + 1);
    }
    return term / (1 - load) / (sum + term / (1 - load));
}

START_TEST(one_server_with_exponential_service_has_the_sojourn_of_m_m_1)
{
    run_crowd(1, 0.7, EXPONENTIAL, 300000);
    means_check(&crowd.sojourn, crowd.mean_service_ns / (1 - 0.7));
}
END_TEST

START_TEST(several_servers_have_the_wait_that_erlang_gives)
{
    static const struct {
        uint32_t servers;
        double load;
    } cases[] = {{2, 0.6}, {10, 0.85}};
    for (size_t i = 0; i < 2; i++) {
        run_crowd(cases[i].servers, cases[i].load, EXPONENTIAL, 300000);
        double wait = erlang_c(cases[i].servers, cases[i].load) * crowd.mean_service_ns / (cases[i].servers * (1 - cases[i].load));
        means_check(&crowd.sojourn, wait + crowd.mean_service_ns);
    }
}
END_TEST

START_TEST(fixed_service_halves_the_wait_as_pollaczek_and_khinchine_say)
{
    run_crowd(1, 0.8, FIXED, 300000);
    means_check(&crowd.sojourn, crowd.mean_service_ns + 0.8 * crowd.mean_service_ns / (2 * (1 - 0.8)));
}
END_TEST

/* M/G/1: the mean wait is load * mean * (1 + c^2) / (2 (1 - load)), c^2 being variance over the square of the mean; one law whose
 * demands are drawn by who asks, and one that the service draws from the table of factors that every node of a world has. */
START_TEST(the_wait_before_a_service_of_any_law_is_that_of_pollaczek_and_khinchine)
{
    const struct {
        enum law law;
        double square; /* 1 + c^2 */
    } cases[] = {{LOGNORMAL, real_exp(SIGMA * SIGMA)}, {TABLE, table_square() / (table_mean() * table_mean())}};
    for (size_t i = 0; i < 2; i++) {
        run_crowd(1, 0.7, cases[i].law, 400000);
        ck_assert_msg(cases[i].square > 1.5 && cases[i].square < 2.5, "1 + c^2 is %f: it is neither fixed nor exponential", cases[i].square);
        means_check(&crowd.sojourn, crowd.mean_service_ns * (1 + 0.7 * cases[i].square / (2 * (1 - 0.7))));
    }
}
END_TEST

/* ---- Loss: a node that takes so many associations, and refuses the rest. */

static struct loss {
    int64_t calls, most;
    double mean_between_ns, mean_holding_ns;
    int64_t ring[4096];
    time_ns until[4096];
    struct means refused;
} loss;

/* One clock for the next call and for all that are held: the ring has the channel by its number. */
static void loss_clock(struct toy *toy, const struct event *event, struct out *out)
{
    time_ns next = loss.calls < loss.most ? (time_ns)toy->numbers[1] : TIME_NEVER;
    if (event->at_ns >= next && loss.calls < loss.most) {
        toy_dial(toy, out, 1, PROTOCOL_DICOM);
        loss.calls++;
        toy->numbers[1] = event->at_ns + exponential(3, loss.calls, loss.mean_between_ns);
        next = toy->numbers[1];
    }
    for (size_t i = 0; i < 64; i++) {
        if (loss.ring[i] != 0 && loss.until[i] <= event->at_ns) {
            toy_end(out, COMMAND_CLOSE, loss.ring[i]);
            loss.ring[i] = 0;
        }
        next = loss.ring[i] != 0 && loss.until[i] < next ? loss.until[i] : next;
    }
    toy->due = next;
}

static void take_loss(struct toy *toy, const struct event *event, struct out *out)
{
    if (event->kind == EVENT_PLAN) {
        toy->numbers[1] = event->at_ns + 1;
        toy->due = event->at_ns + 1;
    } else if (event->kind == EVENT_OPENED) {
        means_add(&loss.refused, 0);
        for (size_t i = 0; i < 64; i++) {
            if (loss.ring[i] == 0) {
                loss.ring[i] = event->channel;
                loss.until[i] = event->at_ns + exponential(4, event->channel, loss.mean_holding_ns);
                break;
            }
        }
        loss_clock(toy, event, out);
    } else if (event->kind == EVENT_REFUSED) {
        ck_assert_int_eq(event->refusal, REFUSAL_TRANSIENT);
        means_add(&loss.refused, 1);
        loss_clock(toy, event, out);
    } else if (event->kind == EVENT_CLOCK && toy->numbers[1] > 0) {
        loss_clock(toy, event, out);
    }
}

START_TEST(calls_are_lost_as_often_as_erlang_says)
{
    const uint32_t servers = 8;
    const double offered = 6;
    memset(&loss, 0, sizeof loss);
    toys_make(2);
    t.list[0].take = take_loss;
    t.list[1].take = take_serve;
    t.nodes[1].channels_max = servers;
    toys_open();
    loss.mean_holding_ns = 1e9;
    loss.mean_between_ns = loss.mean_holding_ns / offered;
    loss.most = 200000;
    loss.refused = (struct means){.per_batch = loss.most * 9 / 10 / BATCHES, .skip = loss.most / 20};
    toy_tell(0, TIME_S, "go");
    toys_run(2 * TIME_DAY);
    double term = 1, sum = 1;
    for (uint32_t n = 1; n <= servers; n++) {
        term *= offered / n;
        sum += term;
    }
    means_check(&loss.refused, term / sum);
}
END_TEST

/* ---- Links: flows share evenly, so the mean sojourn is that of processor sharing, whatever the sizes. */

static struct share {
    int64_t arrivals, most, opened, free[CHANNELS];
    size_t free_count;
    time_ns began[2 * CHANNELS + 4];
    double mean_between_ns, mean_bytes;
    bool fixed;
    int64_t bytes;
    struct means sojourn;
} share;

static void take_sender(struct toy *toy, const struct event *event, struct out *out)
{
    if (event->kind == EVENT_PLAN) {
        for (size_t c = 0; c < 250; c++) {
            toy_dial(toy, out, 1, PROTOCOL_DICOM);
        }
    } else if (event->kind == EVENT_OPENED) {
        share.free[share.free_count++] = event->channel;
        share.opened++;
    } else if (event->kind == EVENT_OPERATOR) {
        toy->due = event->at_ns + 1;
    } else if (event->kind == EVENT_CLOCK && share.opened > 0) {
        int64_t bytes = share.fixed ? (int64_t)share.mean_bytes : exponential(6, share.arrivals, share.mean_bytes) + 17000;
        ck_assert_uint_gt(share.free_count, 0);
        int64_t channel = share.free[--share.free_count];
        share.began[channel] = event->at_ns;
        toy_store(out, channel, 1, bytes);
        share.bytes += bytes;
        share.arrivals++;
        toy->due = share.arrivals < share.most ? event->at_ns + exponential(5, share.arrivals, share.mean_between_ns) : TIME_NEVER;
    } else if (event->kind == EVENT_RECEIVED) {
        share.free[share.free_count++] = event->channel;
    }
}

static void take_sink(struct toy *toy, const struct event *event, struct out *out)
{
    if (event->kind == EVENT_RECEIVED) { /* channels are opened in order: the acceptor's n-th is the opener's n-th */
        means_add(&share.sojourn, (double)(event->at_ns - share.began[event->channel - 1]));
    }
    take_serve(toy, event, out);
}

static void run_share(double load, bool fixed, int64_t flows)
{
    memset(&share, 0, sizeof share);
    toys_make(2);
    t.list[0].take = take_sender;
    t.list[1].take = take_sink;
    t.nodes[1].site = 1;
    t.links[0] = (struct virtual_link){.name = SLICE("link"), .from = 0, .to = 1, .bytes_per_s = 12500000};
    t.config.site_count = 2;
    t.config.link_count = 1;
    t.config.limits.idle_timeout_ns = 1000 * TIME_DAY;
    t.config.limits.message_timeout_ns = 1000 * TIME_DAY;
    toys_open();
    share.mean_bytes = 1e6;
    share.fixed = fixed;
    double mean_service_ns = (share.mean_bytes + (fixed ? 580 : 17580)) / 12.5e6 * 1e9; /* heads and all */
    share.mean_between_ns = mean_service_ns / load;
    share.most = flows;
    share.sojourn = (struct means){.per_batch = flows * 9 / 10 / BATCHES, .skip = flows / 20};
    toy_tell(0, TIME_S, "open");
    toys_run(2 * TIME_S);
    ck_assert_int_eq(share.opened, 250);
    ck_assert_int_eq(virtual_operate(t.virtual, 0, &(struct plan_entry){.verb = SLICE("go")}, TOY_START + 3 * TIME_S), ERR_OK);
    toys_run(10 * TIME_DAY);
    ck_assert_int_eq(virtual_counts(t.virtual).flows, flows);
    means_check(&share.sojourn, mean_service_ns / (1 - load));
    struct virtual_use use = virtual_link_use(t.virtual, 0, 0);
    ck_assert_int_eq(use.arrivals, flows);
    ck_assert_int_eq(use.departures, flows);
    ck_assert_int_eq(use.bytes, share.bytes + 580 * flows);
    ck_assert_uint_eq(use.length_ns, use.sojourn_ns);
    /* While there is a flow the link works at its rate: busy time is bytes over rate, but for what division leaves each flow. */
    double busy = (double)use.busy_ns, work = (double)use.bytes / 12.5e6 * 1e9;
    ck_assert_msg(busy >= work && busy <= work * 1.0001 + 1000.0 * (double)flows, "busy %f ns, work %f ns", busy, work);
}

START_TEST(flows_of_any_size_share_a_link_as_a_processor_is_shared)
{
    run_share(0.6, false, 60000);
    run_share(0.6, true, 60000);
}
END_TEST

UNIT_MAIN(one_server_with_exponential_service_has_the_sojourn_of_m_m_1, several_servers_have_the_wait_that_erlang_gives,
          fixed_service_halves_the_wait_as_pollaczek_and_khinchine_say, the_wait_before_a_service_of_any_law_is_that_of_pollaczek_and_khinchine,
          calls_are_lost_as_often_as_erlang_says, flows_of_any_size_share_a_link_as_a_processor_is_shared)
