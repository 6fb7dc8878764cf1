/* SPDX-License-Identifier: MIT
 *
 * State: the small numbers in the columns of records.def. Never renumbered: they are on disk. */
#ifndef PONT_ENGINE_STATE_H
#define PONT_ENGINE_STATE_H

enum person_status { PERSON_ACTIVE = 1, PERSON_MERGED, PERSON_DISPUTED };
enum exam_state { EXAM_ORDERED = 1, EXAM_SCHEDULED, EXAM_ARRIVED, EXAM_COMPLETED, EXAM_PUBLISHED, EXAM_REPORTED, EXAM_CANCELLED, EXAM_FROZEN };
enum copy_role { COPY_ORIGINAL = 1, COPY_LEASED };
enum copy_state { COPY_PRESENT = 1, COPY_PARTIAL, COPY_GONE };
enum proof { PROOF_NONE = 0, PROOF_LIST, PROOF_COMMITMENT, PROOF_STORE };
enum demand_reason { DEMAND_PRIOR = 1, DEMAND_MDT, DEMAND_CLIENT, DEMAND_OPERATOR };
enum demand_state { DEMAND_WAITING = 1, DEMAND_RUNNING, DEMAND_VERIFYING, DEMAND_DONE, DEMAND_UNPROVEN, DEMAND_FAILED };
enum path { PATH_RELAY = 1, PATH_DIRECT, PATH_SPOOL };
enum mdt_state { MDT_READY = 1, MDT_WAITING, MDT_IMPOSSIBLE };

#endif
