/* SPDX-License-Identifier: MIT
 *
 * Faults of RADIS2: which hold, and which message each bites. */
#include "sim/ris/ris_private.h"

#include "src/base/random.h"

static const struct row {
    slice name;
    bool counts;
} rows[RIS_FAULT_COUNT] = {
#define RIS_FAULT(name, counts, text) {SLICE(#name), counts},
#include "sim/ris/faults.def"
#undef RIS_FAULT
};

static bool is_selective(const struct ris_biting *biting)
{
    return biting->nth_count > 0 || biting->chance_micro > 0;
}

static struct observation *observe(struct out *out, enum ris_fault which, bool begins, time_ns now)
{
    struct observation *seen = out_observe(out, begins ? OBSERVATION_fault_began : OBSERVATION_fault_ended, now);
    seen->text = rows[which].name;
    return seen;
}

bool ris_fault_bites(struct ris_faults *faults, enum ris_fault which, time_ns now, struct out *out)
{
    struct ris_biting *biting = &faults->list[which];
    bool bites = biting->on;
    if (!bites) {
        return false;
    }
    biting->seen++;
    if (biting->nth_count > 0) {
        bites = false;
        for (uint32_t i = 0; i < biting->nth_count; i++) {
            bites = bites || biting->nths[i] == biting->seen;
        }
    } else if (biting->chance_micro > 0) {
        uint64_t draw = random_draw((uint64_t)biting->draw, PURPOSE('r', 'i', 's', 'f'), which, (uint64_t)biting->seen);
        bites = (int64_t)random_below(draw, 1000000) < biting->chance_micro;
    }
    if (bites && is_selective(biting)) { /* a fault as long as this message */
        observe(out, which, true, now);
        observe(out, which, false, now);
    }
    if (bites && biting->left > 0 && --biting->left == 0) {
        biting->on = false;
    }
    return bites;
}

/* What its wall clock says more than the truth. */
time_ns ris_clock_offset(const struct ris_faults *faults, time_ns now)
{
    const struct ris_clock *clock = &faults->clock;
    if (!faults->list[RIS_clock].on) {
        return 0;
    }
    switch (clock->how) {
    case CLOCK_JUMP:
        return clock->by;
    case CLOCK_DRIFT:
        return (time_ns)((__int128)(now - clock->since) * clock->by / 1000000);
    case CLOCK_REPEAT_HOUR:
        return -TIME_HOUR;
    default:
        return (now - clock->since) / TIME_S % 2 == 0 ? clock->by : -clock->by;
    }
}

static enum err set_clock(struct ris_clock *clock, const struct plan_entry *plan, time_ns now)
{
    static const slice words[] = {[CLOCK_JUMP] = SLICE("jump"), [CLOCK_DRIFT] = SLICE("drift"), [CLOCK_REPEAT_HOUR] = SLICE("repeat_hour"), [CLOCK_STROBE] = SLICE("strobe")};
    slice how = plan_get(plan, "how");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_equal(how, words[i])) {
            *clock = (struct ris_clock){(enum ris_clock_how)i, plan_get_int(plan, "by", 0), now};
            return ERR_OK;
        }
    }
    return ERR_BAD_INPUT;
}

static enum err set(struct ris_faults *faults, enum ris_fault which, const struct plan_entry *plan, time_ns now)
{
    struct ris_biting *biting = &faults->list[which];
    slice nth = plan_get(plan, "nth");
    bool once = which == RIS_ack_lost && nth.size == 0 && plan_get(plan, "chance").size == 0 && plan_get(plan, "fault").size == 0;
    *biting = (struct ris_biting){.on = true, .draw = plan_get_int(plan, "draw", plan->id), .left = plan_get_int(plan, "count", once ? 1 : 0), .chance_micro = plan_get_int(plan, "chance", 0),
                                  .delay = plan_get_int(plan, "delay", 0)};
    while (nth.size > 0 && biting->nth_count < RIS_NTHS_MAX) {
        if (!slice_to_int64(slice_cut(&nth, '\\'), &biting->nths[biting->nth_count++])) {
            return ERR_BAD_INPUT;
        }
    }
    if (!rows[which].counts && is_selective(biting)) {
        return ERR_BAD_INPUT;
    }
    return which == RIS_clock ? set_clock(&faults->clock, plan, now) : ERR_OK;
}

enum err ris_fault_tell(struct ris_faults *faults, const struct plan_entry *plan, time_ns now, struct out *out)
{
    enum ris_fault which = 0;
    bool begins = plan->kind == PLAN_FAULT;
    while (which < RIS_FAULT_COUNT && !slice_equal(plan->verb, rows[which].name)) {
        which++;
    }
    if (which == RIS_FAULT_COUNT) {
        return ERR_BAD_INPUT;
    }
    enum err err = begins ? set(faults, which, plan, now) : ERR_OK;
    faults->list[which].on = begins;
    if (err == ERR_OK && !is_selective(&faults->list[which])) {
        struct observation *seen = observe(out, which, begins, now);
        seen->other_id = begins ? arena_copy(out->arena, plan_get(plan, "fault")) : SLICE_EMPTY;
        seen->flag = begins && plan_get_int(plan, "announced", 0) != 0;
    }
    return err;
}
