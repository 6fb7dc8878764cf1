/* SPDX-License-Identifier: MIT
 *
 * Meaning: why a word of faults or of the timeline means nothing in one of the worlds. Used by effects.def and changes.def. */
#ifndef PONT_SCENARIO_MEANING_H
#define PONT_SCENARIO_MEANING_H

#define NO_PACKETS "sockets repair what happens to packets: a relay of bytes cannot do it; use `rate`, `delay`, `partition` or `reset`"
#define NO_BYTES "in virtual time messages are values, not bytes; use `partition`, `flap` or `crash`"
#define NO_DOUBLES "in virtual time messages keep their order on a connection, as TCP keeps it; use `delay` or `loss`"
#define ONLY_TEST_BUILD "rare paths are switched on in a test build only"
#define NOT_YET "this version does not do it there"

#endif
