/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/association.h"

#include "dcmtk/dcmnet/cond.h"
#include "dcmtk/dcmnet/dcmtrans.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define UID_TEXT 65
#define ABORT_SIZE 10
#define ACCEPT_TIMEOUT (5 * TIME_S) /* for an A-ASSOCIATE-AC or A-RELEASE-RP to leave */

/* ---- The networks. DCMTK takes an accepted socket through one global handle, guarded here; it is never held across
 * a wait, for the whole request stands in the socket by then. A dialled socket DCMTK insists on connecting itself,
 * with a global time-out: it connects to the anchor, a listener of ours that nobody answers, and line_layer puts
 * the socket that we have connected in its place. */
static T_ASC_Network *network;
static pthread_mutex_t handover = PTHREAD_MUTEX_INITIALIZER;
static int anchor = -1;
static char anchor_address[32];

static enum err anchor_open()
{
    struct sockaddr_in at = {};
    socklen_t size = sizeof at;
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    anchor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (anchor < 0 || bind(anchor, (struct sockaddr *)&at, sizeof at) != 0 || listen(anchor, SOMAXCONN) != 0 ||
        getsockname(anchor, (struct sockaddr *)&at, &size) != 0) {
        return ERR_SYSTEM;
    }
    snprintf(anchor_address, sizeof anchor_address, "127.0.0.1:%u", ntohs(at.sin_port));
    return ERR_OK;
}

/* Takes the husks of dialled connections off the anchor's queue. */
static void anchor_sweep()
{
    for (;;) {
        int fd = accept4(anchor, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd >= 0) {
            close(fd);
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

enum err networks_start(void)
{
    if (anchor_open() != ERR_OK) {
        return ERR_SYSTEM;
    }
    dcmExternalSocketHandle.set(anchor); /* so that DCMTK opens no listener */
    OFCondition made = ASC_initializeNetwork(NET_ACCEPTORREQUESTOR, 0, DUL_TIMEOUT, &network);
    dcmExternalSocketHandle.set(-1);
    if (made.bad()) {
        return ERR_SYSTEM;
    }
    return ASC_setTransportLayer(network, line_layer(), 0).good() ? ERR_OK : ERR_SYSTEM;
}

/* ---- Making and ending. */

static enum err association_make(struct association **out, int fd)
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
    pthread_mutex_lock(&handover);
    line_adopt(&made->line);
    dcmExternalSocketHandle.set(fd);
    OFCondition received = ASC_receiveAssociation(network, &made->dul, PDU_SIZE_MAX, nullptr, nullptr, OFFalse, DUL_NOBLOCK, 1);
    dcmExternalSocketHandle.set(-1);
    line_adopt(nullptr);
    pthread_mutex_unlock(&handover);
    if (received.bad()) {
        association_abort(made);
        association_free(made);
        return ERR_BAD_MESSAGE;
    }
    *out = made;
    return ERR_OK;
}

static bool copy_uid(slice uid, char text[UID_TEXT])
{
    if (uid.size >= UID_TEXT) {
        return false;
    }
    memcpy(text, uid.data, uid.size);
    text[uid.size] = '\0';
    return true;
}

static T_ASC_SC_ROLE role_of(const struct context *context)
{
    if (context->scu && context->scp) {
        return ASC_SC_ROLE_SCUSCP;
    }
    if (context->scp) {
        return ASC_SC_ROLE_SCP;
    }
    return context->scu ? ASC_SC_ROLE_SCU : ASC_SC_ROLE_DEFAULT;
}

static const struct context *answer_for(const struct contexts *answered, unsigned id)
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
    if (answer != nullptr && answer->result == CONTEXT_ACCEPTED && copy_uid(answer->accepted_syntax, syntax) &&
        ASC_acceptPresentationContext(params, id, syntax, role_of(answer)).good()) {
        association->accepted[id] = true;
        return;
    }
    ASC_refusePresentationContext(params, id, refusal_of(answer));
}

enum err association_accept(struct association *association, const struct contexts *answered)
{
    for (size_t i = 0; i < association->asked_count; i++) {
        answer_context(association, association->asked[i], answer_for(answered, association->asked[i]));
    }
    association->line.write_timeout = ACCEPT_TIMEOUT;
    if (ASC_acknowledgeAssociation(association->dul).bad()) {
        association_hang_up(association);
        return association->line.timed_out ? ERR_TIMEOUT : ERR_PEER_GONE;
    }
    association->open = true;
    return ERR_OK;
}

/* ---- Opening. */

static enum err refuse(struct association_refusal *refusal, decltype(association_refusal::kind) kind)
{
    refusal->kind = kind;
    switch (kind) {
    case association_refusal::REFUSED_TIMEOUT:
        return ERR_TIMEOUT;
    case association_refusal::REFUSED_CONNECT:
    case association_refusal::REFUSED_REJECTED:
        return ERR_REFUSED;
    default:
        return ERR_PEER_GONE;
    }
}

/* Waits for a connect to end; 0 or errno. */
static int connect_result(int fd, time_ns deadline)
{
    struct pollfd ready = {fd, POLLOUT, 0};
    int count;
    do {
        count = poll(&ready, 1, clock_poll_timeout(deadline));
    } while (count < 0 && errno == EINTR);
    if (count <= 0) {
        return count == 0 ? ETIMEDOUT : errno;
    }
    int failed = 0;
    socklen_t size = sizeof failed;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    return failed;
}

/* Connected, not blocking; -1 with errno. */
static int dial_one(const struct addrinfo *to, time_ns deadline)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int failed = 0;
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        failed = errno == EINPROGRESS ? connect_result(fd, deadline) : errno;
    }
    if (failed != 0) {
        close(fd);
        errno = failed;
        return -1;
    }
    return fd;
}

/* Names are looked up by the system's resolver, which has time-outs of its own: give numbers where that matters. */
static int dial(const char *host, uint16_t port, time_ns timeout)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, service, &hints, &list) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    time_ns deadline = clock_after(timeout);
    int fd = -1;
    for (const struct addrinfo *at = list; at != nullptr && fd < 0; at = at->ai_next) {
        fd = dial_one(at, deadline);
    }
    int kept = errno;
    freeaddrinfo(list);
    errno = kept;
    return fd;
}

static bool title_text(slice title, char text[17])
{
    if (title.size == 0 || title.size > 16) {
        return false;
    }
    memcpy(text, title.data, title.size);
    text[title.size] = '\0';
    return true;
}

static bool add_context(T_ASC_Parameters *params, uint8_t id, const struct context *context)
{
    char abstract[UID_TEXT], texts[CONTEXT_SYNTAXES_MAX][UID_TEXT];
    const char *transfers[CONTEXT_SYNTAXES_MAX];
    if (context->syntax_count == 0 || context->syntax_count > CONTEXT_SYNTAXES_MAX || !copy_uid(context->abstract_syntax, abstract)) {
        return false;
    }
    for (unsigned i = 0; i < context->syntax_count; i++) {
        if (!copy_uid(context->transfer_syntaxes[i], texts[i])) {
            return false;
        }
        transfers[i] = texts[i];
    }
    return ASC_addPresentationContext(params, id, abstract, transfers, context->syntax_count, role_of(context)).good();
}

static uint8_t id_of(const struct contexts *contexts, size_t index)
{
    uint8_t id = contexts->list[index].id;
    return id != 0 ? id : (uint8_t)(2 * index + 1);
}

/* What to ask for, in DCMTK's words; null when the request cannot be said. */
static T_ASC_Parameters *ask(const struct association_request *request)
{
    T_ASC_Parameters *params = nullptr;
    char calling[17], called[17];
    if (request->contexts.count == 0 || request->contexts.count > CONTEXTS_MAX || !title_text(request->calling, calling) ||
        !title_text(request->called, called) ||
        ASC_createAssociationParameters(&params, request->pdu_max == 0 ? PDU_SIZE_MAX : request->pdu_max).bad()) {
        return nullptr;
    }
    bool said = ASC_setAPTitles(params, calling, called, nullptr).good() &&
                ASC_setPresentationAddresses(params, "localhost", anchor_address).good();
    for (size_t i = 0; i < request->contexts.count && said; i++) {
        said = add_context(params, id_of(&request->contexts, i), &request->contexts.list[i]);
    }
    if (!said) {
        ASC_destroyAssociationParameters(&params);
    }
    return params;
}

static enum err explain(const struct association *association, const OFCondition &condition, const T_ASC_Parameters *params,
                        struct association_refusal *refusal)
{
    T_ASC_RejectParameters reject = {};
    if (association->line.nonsense) {
        return refuse(refusal, association_refusal::REFUSED_PROTOCOL);
    }
    if (condition == DUL_ASSOCIATIONREJECTED &&
        ASC_getRejectParameters(const_cast<T_ASC_Parameters *>(params), &reject).good()) {
        refusal->result = (uint8_t)reject.result;
        refusal->source = (uint8_t)(reject.source);
        refusal->reason = (uint8_t)(reject.reason & 0xFF);
        return refuse(refusal, association_refusal::REFUSED_REJECTED);
    }
    if (association->line.timed_out) {
        return refuse(refusal, association_refusal::REFUSED_TIMEOUT);
    }
    bool gone = association->line.peer_closed || condition == DUL_PEERABORTEDASSOCIATION;
    return refuse(refusal, gone ? association_refusal::REFUSED_ABORTED : association_refusal::REFUSED_PROTOCOL);
}

/* The request's context, in the arena and not yet answered. */
static bool copy_context(struct context *out, const struct context *asked, uint8_t id, struct arena *arena)
{
    *out = *asked;
    out->id = id;
    out->result = CONTEXT_NO_REASON;
    out->accepted_syntax = SLICE_EMPTY;
    out->abstract_syntax = arena_copy(arena, asked->abstract_syntax);
    bool room = out->abstract_syntax.data != nullptr;
    for (unsigned i = 0; i < out->syntax_count && room; i++) {
        out->transfer_syntaxes[i] = arena_copy(arena, asked->transfer_syntaxes[i]);
        room = out->transfer_syntaxes[i].data != nullptr;
    }
    return room;
}

/* A syntax that was not proposed counts as a refusal: nobody could read what came in it. */
static void read_answer(struct association *association, const T_ASC_PresentationContext *answer, struct context *context)
{
    if (answer->resultReason != ASC_P_ACCEPTANCE) {
        context->result = answer->resultReason <= 4 ? (enum context_result)answer->resultReason : CONTEXT_NO_REASON;
        return;
    }
    for (unsigned i = 0; i < context->syntax_count; i++) {
        if (slice_equal(context->transfer_syntaxes[i], slice_from(answer->acceptedTransferSyntax))) {
            context->result = CONTEXT_ACCEPTED;
            context->accepted_syntax = context->transfer_syntaxes[i];
        }
    }
    context->scu = context->scu && answer->acceptedRole != ASC_SC_ROLE_SCP;
    context->scp = answer->acceptedRole == ASC_SC_ROLE_SCP || answer->acceptedRole == ASC_SC_ROLE_SCUSCP;
    association->accepted[context->id] = context->result == CONTEXT_ACCEPTED;
}

static bool read_answers(struct association *association, const struct contexts *asked, struct contexts *answered, struct arena *arena)
{
    answered->list = static_cast<struct context *>(arena_array(arena, asked->count, sizeof(struct context)));
    answered->count = asked->count;
    bool room = answered->list != nullptr;
    for (size_t i = 0; i < asked->count && room; i++) {
        room = copy_context(&answered->list[i], &asked->list[i], id_of(asked, i), arena);
    }
    for (int i = 0; i < ASC_countPresentationContexts(association->dul->params) && room; i++) {
        T_ASC_PresentationContext answer;
        if (ASC_getPresentationContext(association->dul->params, i, &answer).good()) {
            struct context *context = const_cast<struct context *>(answer_for(answered, answer.presentationContextID));
            if (context != nullptr) {
                read_answer(association, &answer, context);
            }
        }
    }
    return room;
}

/* Says `params` on the line and waits for the answer. */
static OFCondition negotiate(struct association *association, T_ASC_Parameters *params, time_ns timeout)
{
    association->line.read_deadline = clock_after(timeout);
    association->line.write_timeout = timeout;
    association->line.answer_due = true;
    line_adopt(&association->line);
    OFCondition answered = ASC_requestAssociation(network, params, &association->dul, nullptr, nullptr, DUL_NOBLOCK, DUL_TIMEOUT);
    line_adopt(nullptr);
    association->line.answer_due = false;
    anchor_sweep();
    return answered;
}

enum err association_open(struct association **out, const struct association_request *request, struct contexts *answered,
                          struct association_refusal *refusal, struct arena *arena)
{
    *refusal = {};
    *answered = {};
    T_ASC_Parameters *params = ask(request);
    if (params == nullptr) {
        return ERR_BAD_INPUT;
    }
    int fd = dial(request->host, request->port, request->connect_timeout_ns);
    if (fd < 0) {
        bool late = errno == ETIMEDOUT;
        ASC_destroyAssociationParameters(&params);
        return refuse(refusal, late ? association_refusal::REFUSED_TIMEOUT : association_refusal::REFUSED_CONNECT);
    }
    struct association *made;
    enum err err = association_make(&made, fd);
    if (err != ERR_OK) {
        ASC_destroyAssociationParameters(&params);
        return err;
    }
    OFCondition condition = negotiate(made, params, request->answer_timeout_ns);
    if (condition.bad()) {
        err = explain(made, condition, params, refusal);
        if (made->dul == nullptr) {
            ASC_destroyAssociationParameters(&params);
        }
    } else {
        made->open = true;
        err = read_answers(made, &request->contexts, answered, arena) ? ERR_OK : ERR_LIMIT;
    }
    if (err != ERR_OK) {
        association_abort(made);
        association_free(made);
        return err;
    }
    *out = made;
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
