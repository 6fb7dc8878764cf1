/* SPDX-License-Identifier: MIT
 *
 * Rows as their actors take them: RADIS2 and an archive are told a month of the pilot. */
#include "sim/load/load.h"

#include "sim/node/node.h"
#include "sim/ris/ris.h"
#include "tests/unit/load/wales.h"
#include "tests/unit/unit.h"

#define SCRATCH ((size_t)64 << 20)

static struct wales wales;
static struct load_row row;
static struct out out;

static void open(struct load **load, struct load_setup *setup, struct arena *arena)
{
    *setup = (struct load_setup){.population = wales_make(&wales, true, false), .seed = 21, .start = START_2010, .length = 20 * TIME_DAY};
    ck_assert_int_eq(arena_make(arena, load_memory(setup)), ERR_OK);
    ck_assert_int_eq(load_init(load, setup, arena), ERR_OK);
}

static enum err tell(struct actor actor, int64_t sequence)
{
    struct event event = {.kind = EVENT_PLAN, .at_ns = row.at_ns, .sequence = sequence, .plan = row.entry};
    out_clear(&out);
    arena_reset(out.arena);
    return actor.step(actor.self, &event, &out);
}

START_TEST(radis2_takes_every_row_that_is_for_it)
{
    struct arena memory, scratch, of_load;
    struct ris *ris = NULL;
    struct load *load = NULL;
    struct load_setup setup;
    int64_t told = 0;
    const struct ris_config config = {.outbox_bytes = (size_t)192 << 20};
    ck_assert_int_eq(arena_make(&memory, (size_t)256 << 20), ERR_OK);
    ck_assert_int_eq(arena_make(&scratch, SCRATCH), ERR_OK);
    ck_assert_int_eq(ris_init(&ris, &config, &memory), ERR_OK);
    out.arena = &scratch;
    open(&load, &setup, &of_load);
    while (load_next(load, &row) == ERR_OK && told < 60000) {
        if (row.node == NODE_RIS) {
            enum err err = tell(ris_actor(ris), ++told);
            ck_assert_msg(err == ERR_OK && !out.full, "%.*s (row %lld): error %d", SLICE_ARGS(row.entry.verb), (long long)row.entry.id, err);
        }
    }
    ck_assert_int_gt(told, 20000);
    ck_assert_uint_ge(ris_outbox_count(ris), (size_t)told);
    arena_drop(&memory);
    arena_drop(&scratch);
    arena_drop(&of_load);
}
END_TEST

START_TEST(an_archive_takes_every_row_that_is_for_it)
{
    struct arena memory, scratch, of_load;
    struct node *node = NULL;
    struct load *load = NULL;
    struct load_setup setup;
    int64_t told = 0, studies = 0;
    const struct node_setup config = {.name = SLICE("pacs_gwe"), .aet = SLICE("PACS_GWE"), .seed = 21, .arrivals_max = 40000};
    ck_assert_int_eq(arena_make(&memory, node_memory(&config)), ERR_OK);
    ck_assert_int_eq(arena_make(&scratch, SCRATCH), ERR_OK);
    ck_assert_int_eq(node_init(&node, &config, &memory), ERR_OK);
    out.arena = &scratch;
    open(&load, &setup, &of_load);
    while (load_next(load, &row) == ERR_OK) {
        if (row.node == NODE_PACS_FIRST + GWE) {
            enum err err = tell(node_actor(node), ++told);
            ck_assert_msg(err == ERR_OK && !out.full, "%.*s (row %lld): error %d", SLICE_ARGS(row.entry.verb), (long long)row.entry.id, err);
            studies += row.what == LOAD_STORED || row.what == LOAD_PRIOR_STORED;
        }
    }
    ck_assert_int_gt(studies, 5000);
    ck_assert_uint_gt(node_instance_count(node), (size_t)studies);
    arena_drop(&memory);
    arena_drop(&scratch);
    arena_drop(&of_load);
}
END_TEST

UNIT_MAIN(radis2_takes_every_row_that_is_for_it, an_archive_takes_every_row_that_is_for_it)
