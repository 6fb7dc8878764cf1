/* SPDX-License-Identifier: MIT
 *
 * Answers marked incomplete though every PACS was there: some PACS was too slow. That shows later only, when it takes up
 * the question that was waiting there: until then the answer is a suspect. */
#include "src/bench/judge_private.h"

#define WAIT_NS TIME_MIN /* how long a question may wait at a PACS before it is taken up */

void judge_suspect(struct judge *judge, const struct question *question)
{
    slice digits = question->accession;
    while (digits.size > 0 && (digits.data[0] < '0' || digits.data[0] > '9')) {
        digits = slice_after(digits, 1); /* a PACS is asked for its own form of the number */
    }
    uint32_t identity = question->patient_id.size == 0 ? JUDGE_NONE : judge_identity(judge, question->issuer.size > 0 ? question->issuer : SLICE("NHS"), question->patient_id);
    if (judge->suspect_count == JUDGE_SUSPECTS_MAX) {
        judge_suspects_end(judge, TIME_NEVER);
    }
    struct suspect *suspect = &judge->suspects[judge->suspect_count++];
    *suspect = (struct suspect){.asked_at = question->asked_at, .answered_at = question->answered_at, .asked_line = question->asked_line,
                                .answered_line = question->answered_line, .identity = identity};
    suspect->digits = digits;
    suspect->study_uid = question->study_uid;
    suspect->id = question->id;
    suspect->viewer = question->viewer;
    slice *texts[] = {&suspect->digits, &suspect->study_uid, &suspect->id, &suspect->viewer};
    if (!store_room_keep(&judge->suspect_rooms[suspect - judge->suspects], texts, sizeof texts / sizeof texts[0], judge->arena)) {
        judge->suspect_count--;
    }
}

static bool contains(slice text, slice part)
{
    return part.size >= 3 && memmem(text.data, text.size, part.data, part.size) != NULL;
}

static bool is_of(const struct judge *judge, const struct suspect *suspect, slice text)
{
    char room[STORE_TEXT_MAX];
    if (contains(text, suspect->digits) || contains(text, suspect->study_uid)) {
        return true;
    }
    for (uint32_t at = suspect->identity; at != JUDGE_NONE;) { /* it is asked by the number that it knows her by */
        if (contains(text, judge_text(judge, judge->identities[at].value, room))) {
            return true;
        }
        at = judge->identities[at].next == suspect->identity ? JUDGE_NONE : judge->identities[at].next;
    }
    return false;
}

static void settle(struct judge *judge, uint32_t at, bool late)
{
    const struct suspect *suspect = &judge->suspects[at];
    const int64_t lines[] = {suspect->asked_line, suspect->answered_line};
    judge_case(judge, INVARIANT_partial_is_flagged, !late, lines, 2, "question %.*s by %.*s was marked incomplete; %s", SLICE_ARGS(suspect->id), SLICE_ARGS(suspect->viewer),
               late ? "a PACS took it up after that" : "every PACS was there");
    /* The last one takes its place; rooms go with their suspects. */
    uint32_t last = --judge->suspect_count;
    struct store_room room = judge->suspect_rooms[at];
    judge->suspects[at] = judge->suspects[last];
    judge->suspect_rooms[at] = judge->suspect_rooms[last];
    judge->suspect_rooms[last] = room;
}

void judge_taken_up(struct judge *judge, const struct observation *seen)
{
    for (uint32_t i = judge->suspect_count; i > 0; i--) {
        const struct suspect *suspect = &judge->suspects[i - 1];
        if (seen->at_ns >= suspect->answered_at && seen->at_ns <= suspect->answered_at + WAIT_NS && is_of(judge, suspect, seen->text)) {
            settle(judge, i - 1, true);
        }
    }
}

void judge_suspects_end(struct judge *judge, time_ns now)
{
    for (uint32_t i = judge->suspect_count; i > 0; i--) {
        if (now > judge->suspects[i - 1].answered_at && now - judge->suspects[i - 1].answered_at > WAIT_NS) {
            settle(judge, i - 1, false);
        }
    }
}
