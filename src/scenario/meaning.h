/* SPDX-License-Identifier: MIT
 *
 * Meaning: why a word of faults or of the timeline means nothing in one of the worlds. Used by effects.def and changes.def. */
#ifndef PONT_SCENARIO_MEANING_H
#define PONT_SCENARIO_MEANING_H

#define NO_BYTES "in virtual time messages are values, not bytes; use `partition`, `flap` or `crash`"
#define ENGINE_DISK "a process on the wire has the disk of this machine; use `kill`, or virtual time"
#define NO_ROW_BYTES "rows are values, not bytes; what SQLite's file suffers is no matter of virtual time"
#define IS_STEPS "it is no state of an archive: write what happens, as `store: {late_series, reject}` of a pathway or as steps study_arrives, reject and delete"
#define IS_STUDIES "it is no state of an archive: give two `studies` one `uid`"
#define IS_ORDER "an order that was never cancelled cannot be cancelled first; use `hl7: out_of_order`, and `no_show` or `cancel` in a pathway"
#define IS_MISSING "no message of this RADIS2 names a study by its UID: the engine finds it by accession number, always"
#define IS_MERGE "a merge is of two patients: write it in the timeline (merge, unmerge), or as a step merge with `wrongly`"
#define NOBODY_APPROVES "nobody approves matches here: what the engine will not decide stays a case for review"
#define IS_MEETINGS "names that come late belong to the meeting: `meetings.NAME.late`"
#define IS_STAFF "who reads, and when, belongs to `people` and its calendar"
#define ONLY_TEST_BUILD "rare paths are switched on in a test build only"

#endif
