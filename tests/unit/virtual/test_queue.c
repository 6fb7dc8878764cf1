/* SPDX-License-Identifier: MIT
 *
 * The event queue against a list that is searched from end to end. */
#include "sim/virtual/queue.h"
#include "src/base/random.h"
#include "tests/unit/unit.h"

#define PENDING_MAX 300
#define NODES       7

struct reference {
    time_ns at_ns;
    uint64_t order;
    uint32_t subject;
};

static struct arena arena;
static struct queue queue;
static struct reference list[PENDING_MAX];
static size_t list_count;
static uint32_t subject;

static void setup(size_t max, time_ns start_ns)
{
    if (arena.memory == NULL) {
        ck_assert_int_eq(arena_make(&arena, 64u << 20), ERR_OK);
    }
    arena_reset(&arena);
    ck_assert_int_eq(queue_init(&queue, max, NODES, start_ns, &arena), ERR_OK);
    list_count = 0;
}

static void put(time_ns at_ns, enum queue_class class, uint32_t node)
{
    struct pending *pending = queue_put(&queue, at_ns, class, node);
    ck_assert_ptr_nonnull(pending);
    pending->subject = ++subject;
    list[list_count++] = (struct reference){pending->at_ns, pending->order, subject};
}

static size_t earliest(void)
{
    size_t best = 0;
    for (size_t i = 1; i < list_count; i++) {
        if (list[i].at_ns < list[best].at_ns || (list[i].at_ns == list[best].at_ns && list[i].order < list[best].order)) {
            best = i;
        }
    }
    return best;
}

/* Pops what the list says comes first; nothing when that is behind the limit. */
static void pop(time_ns limit_ns)
{
    size_t first = list_count == 0 ? 0 : earliest();
    struct pending *pending = queue_pop(&queue, limit_ns);
    if (list_count == 0 || list[first].at_ns > limit_ns) {
        ck_assert_ptr_null(pending);
        ck_assert_int_eq(queue_first(&queue), list_count == 0 ? TIME_NEVER : list[first].at_ns);
        return;
    }
    ck_assert_ptr_nonnull(pending);
    ck_assert_int_eq(pending->at_ns, list[first].at_ns);
    ck_assert_uint_eq(pending->order, list[first].order);
    ck_assert_uint_eq(pending->subject, list[first].subject);
    queue_give(&queue, pending);
    list[first] = list[--list_count];
}

/* Delays from none to months, many of them equal. */
static time_ns delay_of(uint64_t draw)
{
    static const time_ns scales[] = {1, 3, 100, TIME_US, 50 * TIME_MS, TIME_S, TIME_HOUR, 90 * TIME_DAY};
    return (time_ns)random_below(draw * 0x9E3779B97F4A7C15u, 5) * scales[draw % 8] + (time_ns)(draw >> 60);
}

START_TEST(the_order_is_that_of_time_then_class_then_node_then_number)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        time_ns now = (time_ns)random_below(random_draw(seed, 1, 0, 0), (uint64_t)400 * 365 * TIME_DAY / 20);
        setup(PENDING_MAX, now);
        for (uint64_t i = 0; i < 20000; i++) {
            uint64_t draw = random_draw(seed, 2, 0, i);
            if (list_count < PENDING_MAX - 1 && (draw % 9 < 4 || list_count < seed * 20)) {
                put(queue.last_ns + delay_of(random_draw(seed, 3, 0, i)), (enum queue_class)(draw >> 8 & 3), (uint32_t)(draw >> 16) % NODES);
            } else {
                pop(TIME_NEVER);
            }
        }
        while (list_count > 0) {
            pop(TIME_NEVER);
        }
        pop(TIME_NEVER);
    }
}
END_TEST

START_TEST(a_limit_keeps_what_is_later_and_lets_what_is_earlier_be_put)
{
    setup(PENDING_MAX, 0);
    put(1000000, CLASS_TIMER, 1);
    pop(999999);
    put(500000, CLASS_MESSAGE, 2); /* earlier than what was looked at */
    pop(499999);
    pop(500000);
    pop(999999);
    pop(1000000);
    ck_assert_uint_eq(list_count, 0);
}
END_TEST

START_TEST(faults_come_before_releases_messages_timers_and_seizes_of_the_same_time)
{
    setup(PENDING_MAX, 0);
    for (int class = CLASS_OBSERVER; class >= CLASS_FAULT; class--) {
        put(100, (enum queue_class)class, 0);
    }
    for (int class = CLASS_FAULT; class <= CLASS_OBSERVER; class++) {
        struct pending *pending = queue_pop(&queue, TIME_NEVER);
        ck_assert_int_eq(pending_class(pending), class);
        queue_give(&queue, pending);
    }
}
END_TEST

START_TEST(nothing_is_put_before_now)
{
    setup(PENDING_MAX, 0);
    put(1000, CLASS_MESSAGE, 0);
    pop(TIME_NEVER);
    struct pending *pending = queue_put(&queue, 10, CLASS_MESSAGE, 0);
    ck_assert_int_eq(pending->at_ns, 1000);
}
END_TEST

START_TEST(a_full_queue_says_so_and_takes_again_when_there_is_room)
{
    setup(3, 0);
    for (int i = 0; i < 3; i++) {
        put(i, CLASS_MESSAGE, 0);
    }
    ck_assert_ptr_null(queue_put(&queue, 5, CLASS_MESSAGE, 0));
    pop(TIME_NEVER);
    put(9, CLASS_MESSAGE, 0);
    ck_assert_uint_eq(queue.high, 3);
}
END_TEST

UNIT_MAIN(the_order_is_that_of_time_then_class_then_node_then_number, a_limit_keeps_what_is_later_and_lets_what_is_earlier_be_put,
          faults_come_before_releases_messages_timers_and_seizes_of_the_same_time, nothing_is_put_before_now, a_full_queue_says_so_and_takes_again_when_there_is_room)
