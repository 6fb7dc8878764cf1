/* SPDX-License-Identifier: MIT
 *
 * Real actors in virtual time. */
#include <stdio.h>

#include "tests/unit/virtual/hospital.h"

START_TEST(a_workstation_is_shown_a_study_that_was_published)
{
    hospital_make();
    hospital_open();
    tell_exam(0, START_NS + TIME_S);
    tell(WS, PLAN_DO, START_NS + 60 * TIME_S, "query", "id", SLICE("q1"), "patient_id", h.studies[0].patient_id, "issuer", SLICE("CAV"), NULL);
    run_until(START_NS + 120 * TIME_S);
    ck_assert_int_eq(h.seen[OBSERVATION_hl7_acked], 3);
    ck_assert_int_eq(h.seen[OBSERVATION_query_answered], 1);
    ck_assert_int_eq(h.marked, 0);
    ck_assert_int_ge(h.rows, 1);
}
END_TEST

UNIT_MAIN(a_workstation_is_shown_a_study_that_was_published)
