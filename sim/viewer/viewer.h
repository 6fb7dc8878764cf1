/* SPDX-License-Identifier: MIT
 *
 * Viewer: a workstation, a watcher, a sink: asks the engine as a DICOM client does, and takes what
 * it is sent. An actor. Every request has an association of its own. Rows and final answers are
 * observed as they come; a final status other than success and cancel, as 0xC0D1 with an Error
 * Comment, is the mark of an incomplete answer.
 */
/* clang-format off */
/* Plan entries (DO). `to` is the name of a peer, the engine when absent; ids count when absent.
 *   query    {id, level (STUDY), root (patient|study, study), patient_id, issuer, name, birth_date,
 *             accession, accession_issuer, study_uid, series_uid, modality, date, person, to, until,
 *             expect}
 *             expect: complete or incomplete, only told on with the question
 *             until: complete asks again, at doubling intervals from 500 ms, until the answer is not marked
 *   retrieve {id, study_uid, series_uid, patient_id, to}               C-MOVE to itself
 *   move_to  {id, study_uid, series_uid, patient_id, destination, to}  C-MOVE to another AE title
 *   watch    {issuer, accession, study_uid, after, completed_at, until}
 *             asks for the exam `after` ns (5 s) from now, then at doubling intervals, until a row is
 *             shown (watched, flag set) or `until` ns passed
 *   unwatch  {issuer, accession}   all when without accession (watched, flag not set)
 * FAULT and HEAL down: refuses connections and cuts those it has. */
/* clang-format on */
#ifndef PONT_SIM_VIEWER_VIEWER_H
#define PONT_SIM_VIEWER_VIEWER_H

#include "src/actor/actor.h"

struct viewer; /* opaque */

struct viewer_setup {
    slice name, aet;
    const struct peer *peers; /* the driver's table */
    size_t peer_count;
    uint32_t engine;      /* index of the engine in it */
    uint32_t watches_max; /* exams watched at once; 0: 4096 */
    time_ns timeout_ns;   /* silence of the peer after which a request ends as lost; 0: 60 s */
};

size_t viewer_memory(const struct viewer_setup *setup);
/* Makes it inside `arena`, which must outlive it; borrows the setup's contents for as long. */
MUST_USE enum err viewer_init(struct viewer **out, const struct viewer_setup *setup,
                              struct arena *arena);
MUST_USE enum err viewer_step(struct viewer *viewer, const struct event *event, struct out *out);
time_ns viewer_due(const struct viewer *viewer);
struct actor viewer_actor(struct viewer *viewer);
/* Requests and watches that are not answered yet. */
size_t viewer_open_count(const struct viewer *viewer);

#endif
