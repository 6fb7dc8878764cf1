#!/bin/bash
# SPDX-License-Identifier: MIT
# tier: check check-all
# seconds: 15
# Some deliberate defects, each found in the first seed in virtual time; all of them: tests/mutants/virtual.sh.
cd "$(dirname "$0")/../.." && . tests/tools/tap.sh
found() { # found MUTANT INVARIANT
    "$BUILD/mutants/pont" run scenarios/broken/mutants.yaml --world virtual --mutant "$1" --out "$work/$1" --quiet --trace none | grep -q "violated $2"
}
tap "a_rejection_that_is_ignored_is_found" found M_GHOST rejected-stays-hidden
tap "an_acknowledgement_before_its_commit_is_found" found M_ACK_EARLY ack-is-durable
tap "an_outage_that_is_not_said_is_found" found M_QUIET_DOWN partial-is-flagged
tap "priors_with_foreign_numbers_are_found" found M_NO_COERCE right-patient
tap "the_place_of_memory_that_decides_is_found" found M_ADDRESS replayable
echo "1..$tap_number"
