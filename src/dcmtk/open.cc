/* SPDX-License-Identifier: MIT
 *
 * Opening an association: dialling, asking, and what was answered. */
#include "src/dcmtk/association.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

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
    if (context->syntax_count == 0 || context->syntax_count > CONTEXT_SYNTAXES_MAX || !association_copy_uid(context->abstract_syntax, abstract)) {
        return false;
    }
    for (unsigned i = 0; i < context->syntax_count; i++) {
        if (!association_copy_uid(context->transfer_syntaxes[i], texts[i])) {
            return false;
        }
        transfers[i] = texts[i];
    }
    return ASC_addPresentationContext(params, id, abstract, transfers, context->syntax_count, association_role(context)).good();
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
                ASC_setPresentationAddresses(params, "localhost", network_address()).good();
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
            struct context *context = const_cast<struct context *>(association_answer_for(answered, answer.presentationContextID));
            if (context != nullptr) {
                read_answer(association, &answer, context);
            }
        }
    }
    return room;
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
    made->line.read_deadline = clock_after(request->answer_timeout_ns);
    made->line.write_timeout = request->answer_timeout_ns;
    OFCondition condition = network_request(&made->line, params, &made->dul);
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
