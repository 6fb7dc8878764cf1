/* SPDX-License-Identifier: MIT
 *
 * Connection: the socket under a DCMTK association, with our own waits. C++, inside src/dcmtk only.
 *
 * DCMTK calls read and write as if they blocked; here every wait ends at a deadline or when another thread
 * interrupts. One system call a PDU each way where the bytes allow: the PDV head goes out with its body, and a read
 * of a body takes the next head along. */
#ifndef PONT_DCMTK_CONNECTION_H
#define PONT_DCMTK_CONNECTION_H

#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"

#include "src/dcmtk/dcmtk_private.h"

#define READ_AHEAD 8192u
#define PDV_HEAD 12u

/* What outlives DCMTK's connection object, which DCMTK deletes when it sees fit. */
struct line {
    int fd;   /* -1 once closed */
    int wake; /* eventfd, written by line_interrupt */
    DcmTransportConnection *connection;
    time_ns read_deadline; /* absolute */
    time_ns write_timeout; /* without progress */
    bool drained;          /* the last read took all there was: wait before the next */
    bool peer_closed, timed_out, abort_sent;
    bool answer_due, nonsense; /* the next PDU answers an A-ASSOCIATE-RQ; it did not */
    int interrupted; /* atomic */
    size_t ahead_at, ahead_end, head_size;
    unsigned char head[PDV_HEAD]; /* a PDV head that waits for its body */
    unsigned char ahead[READ_AHEAD];
};

MUST_USE enum err line_init(struct line *line, int fd);
/* Closes what is left open. */
void line_close(struct line *line);
void line_interrupt(struct line *line);
bool line_is_interrupted(const struct line *line);
/* Waits until at least one byte has been read ahead. ERR_TIMEOUT at read_deadline with nothing read, ERR_PEER_GONE. */
MUST_USE enum err line_await(struct line *line);
/* Sends without waiting and without a thought for the answer: A-ABORT, A-ASSOCIATE-RJ. Then nothing more is sent. */
void line_last_word(struct line *line, const void *bytes, size_t size);
/* Reads on until the peer closes or read_deadline passes. */
void line_await_close(struct line *line);

/* The layer that DCMTK makes connections with. line_adopt says for which line the calling thread makes one: an
 * accepted socket is the line's own, a dialled one (to nobody) is replaced by the line's. */
DcmTransportLayer *line_layer(void);
void line_adopt(struct line *line);

#endif
