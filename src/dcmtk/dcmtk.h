/* SPDX-License-Identifier: MIT
 *
 * Dcmtk: the C door to DCMTK: associations out and in, their messages as bytes, files and digests.
 *
 * DCMTK's upper layer does PS3.8; DIMSE command sets are src/dicom's. A data set never stands in memory here as
 * a whole: it comes and goes in fragments. Every wait has its own limit. Threads: dcmtk_start once, before any
 * thread; then each association belongs to one thread at a time; dcmtk_* functions without an association are
 * thread-safe. Strings that come out live in the arena handed in. */
#ifndef PONT_DCMTK_DCMTK_H
#define PONT_DCMTK_DCMTK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" { /* the pure headers know no C++ */
#endif

#include "src/base/time.h"
#include "src/dicom/dimse.h"

/* Loads the dictionary, registers codecs, turns DCMTK's log off, ignores SIGPIPE. ERR_SYSTEM when DCMTK has no dictionary. */
MUST_USE enum err dcmtk_start(void);

#define PDU_SIZE_MAX 131072u

/* ---- Front door: we own listen and accept; only a complete, checked A-ASSOCIATE-RQ reaches DCMTK. */
struct front_door; /* one listening socket */
struct front_door_limits {
    unsigned half_open_max;          /* connections whose request is not complete; above: the oldest of the busiest address goes */
    unsigned half_open_per_address;  /* at it the oldest half-sent request of that address goes, never the newest */
    time_ns request_deadline_ns;     /* accept to complete request (3 s) */
    size_t request_max;              /* bytes of an A-ASSOCIATE-RQ (64 KiB) */
};
/* What an A-ASSOCIATE-RQ says; strings in the arena of front_door_take (the request's size and 40 KiB; with less room the
 * request is rejected as transient). Of a context's transfer syntaxes the first CONTEXT_SYNTAXES_MAX are told. */
struct asked {
    slice calling, called;   /* spaces and NULs stripped */
    char address[64];        /* numeric peer address */
    struct contexts contexts;
    uint32_t pdu_max;
    slice implementation_uid, implementation_name;
};
/* Binds to host:port (port 0: any free one) and listens. ERR_SYSTEM with errno kept when it cannot. */
MUST_USE enum err front_door_open(struct front_door **out, const char *host, uint16_t port, const struct front_door_limits *limits);
uint16_t front_door_port(const struct front_door *door);
/* The descriptor to poll for reading: an epoll set of listener, half-open connections and their deadlines. */
int front_door_fd(const struct front_door *door);
/* Does what is due and returns a complete association request if one is there: *association is then not null
 * and must be answered by association_accept or association_reject. Malformed ones were already answered
 * (A-ABORT or A-ASSOCIATE-RJ as PS3.8 9.3.4 asks) and dropped. Never blocks. */
struct association;
MUST_USE enum err front_door_take(struct front_door *door, struct association **association, struct asked *asked, struct arena *arena);
/* Stop and resume listening (the port is closed meanwhile: connections are refused). Half-open ones go. */
MUST_USE enum err front_door_listen(struct front_door *door, bool listen);
void front_door_close(struct front_door *door);

/* ---- Associations. */
struct association_request {
    const char *host;
    uint16_t port;
    slice calling, called;
    struct contexts contexts;      /* ids 0: numbered 1, 3, 5 ... */
    time_ns connect_timeout_ns, answer_timeout_ns;
    uint32_t pdu_max;              /* 0: PDU_SIZE_MAX */
};
struct association_refusal {
    enum { NOT_REFUSED, REFUSED_CONNECT, REFUSED_TIMEOUT, REFUSED_REJECTED, REFUSED_ABORTED, REFUSED_PROTOCOL } kind;
    uint8_t result, source, reason; /* of an A-ASSOCIATE-RJ */
};
/* Opens one. On ERR_OK `answered` holds every context with its result, in the arena. ERR_REFUSED: REFUSED_CONNECT or
 * REFUSED_REJECTED; ERR_TIMEOUT: REFUSED_TIMEOUT, of the connect or of the answer; ERR_PEER_GONE: REFUSED_ABORTED (also
 * when the line was just closed) or REFUSED_PROTOCOL (the answer was none). ERR_BAD_INPUT: a title, UID or count that
 * cannot be said. Host names go through the system's resolver, which has its own time-outs: numbers do not. */
MUST_USE enum err association_open(struct association **out, const struct association_request *request, struct contexts *answered,
                                   struct association_refusal *refusal, struct arena *arena);
/* Answers an asked one with these contexts (result and accepted_syntax set); those not listed are refused. `scu` and `scp`
 * are the roles granted. ERR_PEER_GONE or ERR_TIMEOUT when the answer cannot be sent; free it then. */
MUST_USE enum err association_accept(struct association *association, const struct contexts *answered);
/* Rejects and frees it. */
void association_reject(struct association *association, uint8_t result, uint8_t source, uint8_t reason);
int association_fd(const struct association *association);
/* Bytes already read ahead or a PDV already unpacked: poll would not tell. */
bool association_has_data(const struct association *association);

/* What came. */
enum incoming { INCOMING_COMMAND, INCOMING_DATA, INCOMING_RELEASE, INCOMING_ABORT, INCOMING_GONE };
struct fragment {
    enum incoming kind;
    uint8_t context_id;
    slice bytes;   /* one PDV's bytes, good until the next call */
    bool last;     /* the last fragment of this command or data set */
};
/* Waits for the next PDV (or release, abort, loss) at most `timeout_ns`; ERR_TIMEOUT then, and the association
 * stays usable if no byte had come; in the middle of a PDU it is aborted. ERR_PEER_GONE after a protocol error, a PDV of
 * a context that was not accepted among them (an A-ABORT was sent), and ever after an end was told. */
MUST_USE enum err association_read(struct association *association, struct fragment *fragment, time_ns timeout_ns);
/* Sends one fragment, cut to the peer's PDU size as needed. ERR_PEER_GONE when the peer is gone, ERR_TIMEOUT
 * when it takes no bytes for `timeout_ns`. */
MUST_USE enum err association_write(struct association *association, uint8_t context_id, bool command, slice bytes, bool last, time_ns timeout_ns);
/* Answers a release that was read, or asks for one and waits at most `timeout_ns`; then the socket is closed. */
void association_release(struct association *association, time_ns timeout_ns);
void association_answer_release(struct association *association);
/* A-ABORT, then close. */
void association_abort(struct association *association);
/* Closes the socket without a word, as a crash does. */
void association_drop(struct association *association);
/* Frees it; after release, abort or drop (else drops). */
void association_free(struct association *association);
/* Makes a blocked association_read or _write of another thread return ERR_PEER_GONE. The one call that another thread may make. */
void association_interrupt(struct association *association);

/* ---- Files and digests. */
/* Reads a DICOM file's header: all of struct object (file = path, study = instance = -1, digests empty unless `digests`), transfer
 * syntax, and where its data set begins. ERR_BAD_MESSAGE with a reason in `why` (128 bytes) when it is no DICOM
 * file, or lacks study, series or SOP UID. ERR_NOT_FOUND when it cannot be opened. */
struct dicom_file {
    struct object object;
    int64_t data_offset, data_size; /* bytes of the data set in the file, in its transfer syntax */
};
MUST_USE enum err dcmtk_read_file(struct dicom_file *out, const char *path, bool digests, char why[128], struct arena *arena);
/* The same with digests, of which dataset_sha256 leaves these top-level tags out, as dcmtk_digest does. */
MUST_USE enum err dcmtk_read_file_without(struct dicom_file *out, const char *path, const uint32_t *left_out, size_t left_out_count, char why[128],
                                          struct arena *arena);
/* Digests of a data set in memory (design section 6): pixel_sha256 over the value of PixelData in native little endian (fragments joined when
 * encapsulated, without the offset table; over nothing when there is none), dataset_sha256 over explicit VR little endian with sequences and
 * items of undefined length, without groups 0 and 2, group lengths, trailing padding, PixelData and the tags of `left_out`. The VR said is
 * that of the dictionary, UN where it has none (so for private elements but creators), for implicit VR carries no other: all
 * transfer syntaxes give the same. Texts of 64 hex digits and NUL. ERR_BAD_MESSAGE when the bytes cannot be parsed. Also
 * fills *object's identifying fields, transfer syntax and size (in the arena) when `object` is not null, and leaves its others alone. */
MUST_USE enum err dcmtk_digest(slice dataset, slice transfer_syntax, const uint32_t *left_out, size_t left_out_count, char dataset_sha256[65],
                               char pixel_sha256[65], struct object *object, struct arena *arena);
/* The data set in another transfer syntax: between native ones, and decoding of what DCMTK decodes (JPEG, JPEG-LS, RLE) to native.
 * `*out` is malloc'd: dcmtk_free. ERR_BAD_MESSAGE when it cannot. */
MUST_USE enum err dcmtk_convert(slice dataset, slice from_syntax, slice to_syntax, slice *out);
void dcmtk_free(slice bytes);
/* Streaming SHA-256 by OpenSSL, for bulk. */
struct digest;
struct digest *digest_open(void);
void digest_put(struct digest *digest, slice bytes);
void digest_end(struct digest *digest, char text[65]); /* and frees it */

#ifdef __cplusplus
}
#endif
#endif
