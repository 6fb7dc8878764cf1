/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/association.h"

#include <cerrno>
#include <cstdio>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* DCMTK takes an accepted socket through one global handle, guarded here; it is never held across
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

const char *network_address(void)
{
    return anchor_address;
}

OFCondition network_receive(struct line *line, T_ASC_Association **dul)
{
    pthread_mutex_lock(&handover);
    line_adopt(line);
    dcmExternalSocketHandle.set(line->fd);
    OFCondition received = ASC_receiveAssociation(network, dul, PDU_SIZE_MAX, nullptr, nullptr, OFFalse, DUL_NOBLOCK, 1);
    dcmExternalSocketHandle.set(-1);
    line_adopt(nullptr);
    pthread_mutex_unlock(&handover);
    return received;
}

OFCondition network_request(struct line *line, T_ASC_Parameters *params, T_ASC_Association **dul)
{
    line->answer_due = true;
    line_adopt(line);
    OFCondition answered = ASC_requestAssociation(network, params, dul, nullptr, nullptr, DUL_NOBLOCK, DUL_TIMEOUT);
    line_adopt(nullptr);
    line->answer_due = false;
    anchor_sweep();
    return answered;
}
