/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/association.h"

#include "dcmtk/dcmnet/cond.h"

#include <cstdlib>
#include <cstring>
#include <unistd.h>

#define ABORT_SIZE 10
#define ACCEPT_TIMEOUT (5 * TIME_S) /* for an A-ASSOCIATE-AC or A-RELEASE-RP to leave */

/* ---- Making and ending. */

enum err association_make(struct association **out, int fd)
{
    struct association *made = static_cast<struct association *>(calloc(1, sizeof *made));
    if (made == nullptr || line_init(&made->line, fd) != ERR_OK) {
        close(fd);
        free(made);
        return ERR_LIMIT;
    }
    *out = made;
    return ERR_OK;
}

/* Gives the socket back to the system, through DCMTK where DCMTK still has it. */
static void association_hang_up(struct association *association)
{
    association->open = association->has_next = false;
    if (association->dul != nullptr && association->dul->DULassociation != nullptr) {
        ASC_dropAssociation(association->dul);
    }
    if (association->line.connection != nullptr) { /* DCMTK has lost sight of it on some error paths */
        association->line.connection->close();
        delete association->line.connection;
    }
}

void association_free(struct association *association)
{
    if (association == nullptr) {
        return;
    }
    association_hang_up(association);
    if (association->dul != nullptr) {
        ASC_destroyAssociation(&association->dul);
    }
    line_close(&association->line);
    free(association);
}

static void send_last(struct association *association, uint8_t type, uint8_t result, uint8_t source, uint8_t reason)
{
    const uint8_t pdu[ABORT_SIZE] = {type, 0, 0, 0, 0, 4, 0, result, source, reason};
    if (!association->line.abort_sent) {
        line_last_word(&association->line, pdu, sizeof pdu);
    }
    association_hang_up(association);
}

void association_abort(struct association *association)
{
    send_last(association, 7, 0, 0, 0);
}

void association_drop(struct association *association)
{
    association_hang_up(association);
}

void association_reject(struct association *association, uint8_t result, uint8_t source, uint8_t reason)
{
    send_last(association, 3, result, source, reason);
    association_free(association);
}

void association_interrupt(struct association *association)
{
    line_interrupt(&association->line);
}

int association_fd(const struct association *association)
{
    return association->line.fd;
}

bool association_has_data(const struct association *association)
{
    return association->has_next || association->line.ahead_at < association->line.ahead_end;
}

/* ---- Accepting. */

enum err association_receive(struct association **out, int fd, const struct asked *asked)
{
    struct association *made;
    enum err err = association_make(&made, fd);
    if (err != ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < asked->contexts.count; i++) {
        made->asked[made->asked_count++] = asked->contexts.list[i].id;
    }
    made->line.read_deadline = clock_after(ACCEPT_TIMEOUT); /* never reached: the bytes are there */
    OFCondition received = network_receive(&made->line, &made->dul);
    if (received.bad()) {
        association_abort(made);
        association_free(made);
        return ERR_BAD_MESSAGE;
    }
    *out = made;
    return ERR_OK;
}

bool association_copy_uid(slice uid, char text[UID_TEXT])
{
    if (uid.size >= UID_TEXT) {
        return false;
    }
    memcpy(text, uid.data, uid.size);
    text[uid.size] = '\0';
    return true;
}

T_ASC_SC_ROLE association_role(const struct context *context)
{
    if (context->scu && context->scp) {
        return ASC_SC_ROLE_SCUSCP;
    }
    if (context->scp) {
        return ASC_SC_ROLE_SCP;
    }
    return context->scu ? ASC_SC_ROLE_SCU : ASC_SC_ROLE_DEFAULT;
}

const struct context *association_answer_for(const struct contexts *answered, unsigned id)
{
    for (size_t i = 0; i < answered->count; i++) {
        if (answered->list[i].id == id) {
            return &answered->list[i];
        }
    }
    return nullptr;
}

static T_ASC_P_ResultReason refusal_of(const struct context *context)
{
    static const T_ASC_P_ResultReason reasons[] = {ASC_P_NOREASON, ASC_P_USERREJECTION, ASC_P_NOREASON, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED,
                                                   ASC_P_TRANSFERSYNTAXESNOTSUPPORTED};
    return context == nullptr || context->result > 4 ? ASC_P_NOREASON : reasons[context->result];
}

static void answer_context(struct association *association, uint8_t id, const struct context *answer)
{
    char syntax[UID_TEXT];
    T_ASC_Parameters *params = association->dul->params;
    if (answer != nullptr && answer->result == CONTEXT_ACCEPTED && association_copy_uid(answer->accepted_syntax, syntax) &&
        ASC_acceptPresentationContext(params, id, syntax, association_role(answer)).good()) {
        association->accepted[id] = true;
        return;
    }
    ASC_refusePresentationContext(params, id, refusal_of(answer));
}

enum err association_accept(struct association *association, const struct contexts *answered)
{
    for (size_t i = 0; i < association->asked_count; i++) {
        answer_context(association, association->asked[i], association_answer_for(answered, association->asked[i]));
    }
    association->line.write_timeout = ACCEPT_TIMEOUT;
    if (ASC_acknowledgeAssociation(association->dul).bad()) {
        association_hang_up(association);
        return association->line.timed_out ? ERR_TIMEOUT : ERR_PEER_GONE;
    }
    association->open = true;
    return ERR_OK;
}

/* ---- Reading and writing. */

/* Ends a broken association: an A-ABORT unless the peer knows already. */
static enum err broken(struct association *association, enum err err)
{
    if (association->line.peer_closed) {
        association_hang_up(association);
    } else {
        association_abort(association);
    }
    return err;
}

static enum err deliver(struct association *association, struct fragment *fragment)
{
    const DUL_PDV pdv = association->next;
    association->has_next = DUL_NextPDV(&association->dul->DULassociation, &association->next).good();
    if (!association->accepted[pdv.presentationContextID]) {
        return broken(association, ERR_PEER_GONE);
    }
    fragment->kind = pdv.pdvType == DUL_COMMANDPDV ? INCOMING_COMMAND : INCOMING_DATA;
    fragment->context_id = pdv.presentationContextID;
    fragment->bytes = {static_cast<const char *>(pdv.data), pdv.fragmentLength};
    fragment->last = pdv.lastPDV;
    return ERR_OK;
}

static enum err ended(struct association *association, struct fragment *fragment, enum incoming kind)
{
    fragment->kind = kind;
    if (kind != INCOMING_RELEASE) {
        association_hang_up(association);
    }
    return ERR_OK;
}

static enum err read_pdu(struct association *association, struct fragment *fragment)
{
    OFCondition condition = DUL_ReadPDVs(&association->dul->DULassociation, nullptr, DUL_BLOCK, 0);
    if (condition == DUL_PDATAPDUARRIVED && DUL_NextPDV(&association->dul->DULassociation, &association->next).good()) {
        return deliver(association, fragment);
    }
    if (condition == DUL_PEERREQUESTEDRELEASE) {
        return ended(association, fragment, INCOMING_RELEASE);
    }
    if (association->line.timed_out || line_is_interrupted(&association->line)) {
        return broken(association, association->line.timed_out ? ERR_TIMEOUT : ERR_PEER_GONE);
    }
    if (association->line.peer_closed) {
        return ended(association, fragment, INCOMING_GONE);
    }
    if (condition == DUL_PEERABORTEDASSOCIATION) {
        return ended(association, fragment, INCOMING_ABORT);
    }
    return broken(association, ERR_PEER_GONE);
}

enum err association_read(struct association *association, struct fragment *fragment, time_ns timeout_ns)
{
    *fragment = {};
    if (!association->open || line_is_interrupted(&association->line)) {
        return ERR_PEER_GONE;
    }
    if (association->has_next) {
        return deliver(association, fragment);
    }
    association->line.read_deadline = clock_after(timeout_ns);
    enum err err = line_await(&association->line);
    if (err == ERR_OK) {
        return read_pdu(association, fragment);
    }
    if (err == ERR_PEER_GONE && association->line.peer_closed) {
        return ended(association, fragment, INCOMING_GONE);
    }
    return err;
}

static enum err write_pdv(struct association *association, DUL_PDV *pdv)
{
    DUL_PDVLIST list = {};
    list.count = 1;
    list.pdv = pdv;
    if (DUL_WritePDVs(&association->dul->DULassociation, &list).good()) {
        return ERR_OK;
    }
    return broken(association, association->line.timed_out ? ERR_TIMEOUT : ERR_PEER_GONE);
}

enum err association_write(struct association *association, uint8_t context_id, bool command, slice bytes, bool last, time_ns timeout_ns)
{
    if (!association->open || line_is_interrupted(&association->line)) {
        return ERR_PEER_GONE;
    }
    association->line.write_timeout = timeout_ns;
    bool more = bytes.size > 0 || last;
    while (more) {
        DUL_PDV pdv = {};
        size_t size = bytes.size < association->dul->sendPDVLength ? bytes.size : association->dul->sendPDVLength;
        pdv.fragmentLength = size;
        pdv.presentationContextID = context_id;
        pdv.pdvType = command ? DUL_COMMANDPDV : DUL_DATASETPDV;
        pdv.lastPDV = last && size == bytes.size;
        pdv.data = const_cast<char *>(bytes.data);
        enum err err = write_pdv(association, &pdv);
        if (err != ERR_OK) {
            return err;
        }
        bytes = slice_after(bytes, size);
        more = bytes.size > 0;
    }
    return ERR_OK;
}

/* ---- Release. */

void association_release(struct association *association, time_ns timeout_ns)
{
    if (!association->open || association->line.fd < 0) {
        association_hang_up(association);
        return;
    }
    association->line.read_deadline = clock_after(timeout_ns);
    association->line.write_timeout = timeout_ns;
    OFCondition condition = ASC_releaseAssociation(association->dul);
    if (condition == DUL_PEERREQUESTEDRELEASE && ASC_acknowledgeRelease(association->dul).good()) {
        line_await_close(&association->line); /* both asked at once (PS3.8 9.2, Sta11): the response is all that is due */
    }
    if (condition.good() || condition == DUL_PEERREQUESTEDRELEASE) {
        association_hang_up(association);
    } else {
        association_abort(association);
    }
}

void association_answer_release(struct association *association)
{
    association->line.write_timeout = ACCEPT_TIMEOUT;
    if (association->open && association->line.fd >= 0) {
        (void)ASC_acknowledgeRelease(association->dul);
    }
    association_hang_up(association);
}
