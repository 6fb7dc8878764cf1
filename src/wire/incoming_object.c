/* SPDX-License-Identifier: MIT
 *
 * A C-STORE request and its data: to the sink, or to the spool. */
#include <stdio.h>

#include "src/wire/wire_private.h"

/* ---- The data set, into memory that grows by touching it. */

static bool map_bulk(struct worker *worker)
{
    return worker->bulk.memory != NULL || memory_map(&worker->bulk, worker->driver->config.limits.object_size_max) == ERR_OK;
}

/* False when the session is over. *fits is false when the data set is larger than we take; it was read to its end. */
static bool read_object(struct worker *worker, slice *data, bool *fits)
{
    struct fragment fragment = {.last = false};
    size_t used = 0;
    *fits = map_bulk(worker);
    while (!fragment.last) {
        if (!dicom_read_fragment(worker, &fragment, INCOMING_DATA)) {
            return false;
        }
        *fits = *fits && fragment.bytes.size <= worker->bulk.size - used;
        if (*fits) {
            memcpy(worker->bulk.memory + used, fragment.bytes.data, fragment.bytes.size);
            used += fragment.bytes.size;
        }
    }
    *data = (slice){worker->bulk.memory, used};
    return true;
}

/* ---- What the worker answers by itself. */

static void answer(struct worker *worker, const struct dimse *request, uint16_t status, const char *comment)
{
    const struct context *context = contexts_get(&worker->contexts, request->context_id);
    struct dimse response = dimse_response(request, status);
    response.error_comment = slice_from(comment);
    enum err err = dicom_write(worker, worker->association, &response, context);
    if (err != ERR_OK) {
        worker_end_by_error(worker, err);
    }
}

/* ---- Serve: the sink has the object when the actor hears of it. */

static void serve(struct worker *worker, struct dimse *message, slice data)
{
    if (objects_take(worker->driver, data, &message->object, &worker->incoming) != ERR_OK) {
        answer(worker, message, STATUS_CANNOT_UNDERSTAND, "not a data set that can be kept");
        return;
    }
    gather_add(worker, message);
}

/* ---- Spool: RECEIVED tells of the request, STORED that it is safe; the actor answers then. */

static void spool(struct worker *worker, struct dimse *message, slice data)
{
    char path[512], why[128] = "";
    struct dicom_file file;
    snprintf(path, sizeof path, "%s/%lld-%lld-%llu.dcm", worker->driver->config.spool, (long long)worker->driver->config.life,
             (long long)worker->channel, (unsigned long long)++worker->files);
    if (objects_write_file(path, data, &message->object, true) != ERR_OK) {
        answer(worker, message, STATUS_OUT_OF_RESOURCES, "the spool cannot be written");
        return;
    }
    if (dcmtk_read_file(&file, path, false, why, &worker->incoming) != ERR_OK) {
        remove(path);
        answer(worker, message, STATUS_CANNOT_UNDERSTAND, why);
        return;
    }
    message->object = file.object;
    message->object.file = slice_from(path);
    gather_add(worker, message); /* it does not wait: posted before the next line */
    worker_post(worker, &(struct event){.kind = EVENT_STORED, .object = message->object});
}

void dicom_receive_object(struct worker *worker, struct dimse *message, bool has_data)
{
    const struct context *context = contexts_get(&worker->contexts, message->context_id);
    slice data = SLICE_EMPTY;
    bool fits = true;
    if (!has_data || context == NULL) {
        worker_end(worker, CLOSED_ABORTED_BY_US); /* PS3.7 9.3.1: a C-STORE request has a data set */
        return;
    }
    if (!read_object(worker, &data, &fits)) {
        return;
    }
    if (!fits) {
        answer(worker, message, STATUS_OUT_OF_RESOURCES, "the data set is larger than is taken");
        return;
    }
    pace_request(worker, DIMSE_C_STORE_RQ);
    message->object = (struct object){.sop_class_uid = message->sop_class_uid, .sop_instance_uid = message->sop_instance_uid,
                                      .transfer_syntax = context->accepted_syntax, .size = (int64_t)data.size, .study = -1, .instance = -1};
    if (worker->accept == ACCEPT_SPOOL) {
        spool(worker, message, data);
    } else {
        serve(worker, message, data);
    }
}
