/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/connection.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PDU_HEAD 6u
#define PDU_ASSOCIATE_AC 2u
#define PDU_ASSOCIATE_RJ 3u
#define PDU_ABORT 7u
#define ANSWER_LEAST 68u     /* of an A-ASSOCIATE-AC's length: its fixed part (PS3.8 9.3.3) */
#define ANSWER_MOST 65536u
#define CLOSE_DRAIN_MAX 1048576u /* bytes thrown away before a close, so that it is no reset */

enum err line_init(struct line *line, int fd)
{
    memset(line, 0, offsetof(struct line, ahead));
    line->fd = fd;
    line->read_deadline = line->write_timeout = TIME_NEVER;
    line->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return line->wake < 0 ? ERR_SYSTEM : ERR_OK;
}

void line_close(struct line *line)
{
    if (line->fd >= 0) {
        close(line->fd);
        line->fd = -1;
    }
    if (line->wake >= 0) {
        close(line->wake);
        line->wake = -1;
    }
}

void line_interrupt(struct line *line)
{
    __atomic_store_n(&line->interrupted, 1, __ATOMIC_RELEASE);
    eventfd_write(line->wake, 1);
}

bool line_is_interrupted(const struct line *line)
{
    return __atomic_load_n(&line->interrupted, __ATOMIC_ACQUIRE) != 0;
}

/* Until the socket is ready. ERR_PEER_GONE when interrupted. */
static enum err wait_ready(struct line *line, short events, time_ns deadline)
{
    struct pollfd ready[2] = {{line->fd, events, 0}, {line->wake, POLLIN, 0}};
    for (;;) {
        int count = poll(ready, 2, clock_poll_timeout(deadline));
        if (line_is_interrupted(line)) {
            return ERR_PEER_GONE;
        }
        if (count > 0) {
            return ERR_OK;
        }
        if (count == 0 && (deadline != TIME_NEVER && clock_now() >= deadline)) {
            return ERR_TIMEOUT;
        }
        if (count < 0 && errno != EINTR) {
            return ERR_PEER_GONE;
        }
    }
}

/* Before we sleep the peer gets its acknowledgement, or its Nagle algorithm waits for our delayed one. */
static void acknowledge_now(const struct line *line)
{
    int one = 1;
    setsockopt(line->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

/* Waits for bytes, unless the last read left some. ERR_TIMEOUT, or ERR_PEER_GONE when interrupted. */
static enum err line_wait_for_bytes(struct line *line)
{
    if (line_is_interrupted(line)) {
        return ERR_PEER_GONE;
    }
    if (!line->drained) {
        return ERR_OK;
    }
    acknowledge_now(line);
    enum err err = wait_ready(line, POLLIN, line->read_deadline);
    line->timed_out = err == ERR_TIMEOUT;
    return err;
}

/* Takes what is there, at least one byte, into the parts, `room` bytes in all. */
static enum err line_take(struct line *line, struct iovec *parts, size_t count, size_t room, size_t *taken)
{
    struct msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    for (;;) {
        enum err err = line_wait_for_bytes(line);
        if (err != ERR_OK) {
            return err;
        }
        ssize_t n = recvmsg(line->fd, &message, MSG_DONTWAIT);
        line->drained = n < (ssize_t)room;
        if (n > 0) {
            *taken = (size_t)n;
            return ERR_OK;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            line->peer_closed = true;
            return ERR_PEER_GONE;
        }
    }
}

/* Reads what is there into `buffer`, and what is over into the empty read-ahead. */
static enum err line_receive(struct line *line, void *buffer, size_t size, size_t *taken)
{
    struct iovec parts[2] = {{buffer, size}, {line->ahead, sizeof line->ahead}};
    size_t got;
    enum err err = line_take(line, parts, 2, size + sizeof line->ahead, &got);
    if (err == ERR_OK) {
        *taken = got < size ? got : size;
        line->ahead_at = 0;
        line->ahead_end = got - *taken;
    }
    return err;
}

/* Reads ahead until `wanted` bytes are there, far fewer than there is room for. */
static enum err line_fill(struct line *line, size_t wanted)
{
    memmove(line->ahead, line->ahead + line->ahead_at, line->ahead_end - line->ahead_at);
    line->ahead_end -= line->ahead_at;
    line->ahead_at = 0;
    enum err err = line_is_interrupted(line) ? ERR_PEER_GONE : ERR_OK;
    while (err == ERR_OK && line->ahead_end - line->ahead_at < wanted) {
        struct iovec part = {line->ahead + line->ahead_end, sizeof line->ahead - line->ahead_end};
        size_t got = 0;
        err = line_take(line, &part, 1, part.iov_len, &got);
        line->ahead_end += got;
    }
    return err;
}

/* As DCMTK expects of read: bytes, 0 at the end, -1 with errno, which is never EINTR lest DCMTK try again. */
static ssize_t line_read(struct line *line, void *buffer, size_t size)
{
    size_t taken = line->ahead_end - line->ahead_at;
    if (taken > 0) {
        taken = taken < size ? taken : size;
        memcpy(buffer, line->ahead + line->ahead_at, taken);
        line->ahead_at += taken;
        return (ssize_t)taken;
    }
    enum err err = line_receive(line, buffer, size, &taken);
    if (err == ERR_OK) {
        return (ssize_t)taken;
    }
    errno = err == ERR_TIMEOUT ? ETIMEDOUT : ECONNRESET;
    return line->peer_closed ? 0 : -1;
}

enum err line_await(struct line *line)
{
    if (line->ahead_at < line->ahead_end && !line_is_interrupted(line)) {
        return ERR_OK;
    }
    return line_fill(line, 1);
}

/* Is what stands ahead the head of an A-ASSOCIATE-AC, -RJ or A-ABORT? DCMTK takes anything for consent. */
static bool is_answer(const struct line *line)
{
    const unsigned char *head = line->ahead + line->ahead_at;
    uint32_t length = (uint32_t)head[2] << 24 | (uint32_t)head[3] << 16 | (uint32_t)head[4] << 8 | head[5];
    return head[0] == PDU_ASSOCIATE_AC ? length >= ANSWER_LEAST && length <= ANSWER_MOST
                                       : (head[0] == PDU_ASSOCIATE_RJ || head[0] == PDU_ABORT) && length == 4;
}

/* Waits for the head of an answer and looks at it before DCMTK does. False: nothing came that DCMTK should see. */
static bool answer_has_come(struct line *line)
{
    enum err err = line_fill(line, PDU_HEAD);
    if (err != ERR_OK) {
        return err != ERR_TIMEOUT;
    }
    line->answer_due = false;
    line->nonsense = !is_answer(line);
    return !line->nonsense;
}

static void parts_skip(struct iovec parts[2], size_t size)
{
    for (int i = 0; i < 2; i++) {
        size_t step = size < parts[i].iov_len ? size : parts[i].iov_len;
        parts[i].iov_base = (char *)parts[i].iov_base + step;
        parts[i].iov_len -= step;
        size -= step;
    }
}

/* Sends the waiting head and these bytes. -1 with errno as for line_read. */
static ssize_t line_send(struct line *line, void *bytes, size_t size)
{
    struct iovec parts[2] = {{line->head, line->head_size}, {bytes, size}};
    struct msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        if (line_is_interrupted(line)) {
            errno = ECONNRESET;
            return -1;
        }
        ssize_t n = sendmsg(line->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            parts_skip(parts, (size_t)n);
            continue;
        }
        if (errno == EAGAIN) {
            enum err err = wait_ready(line, POLLOUT, clock_after(line->write_timeout));
            if (err != ERR_OK) {
                line->timed_out = err == ERR_TIMEOUT;
                errno = err == ERR_TIMEOUT ? ETIMEDOUT : ECONNRESET;
                return -1;
            }
        } else if (errno != EINTR) {
            line->peer_closed = true;
            return -1;
        }
    }
    line->head_size = 0;
    return (ssize_t)size;
}

/* A P-DATA-TF head whose PDV has a body, which DCMTK writes next. */
static bool is_pdv_head(const unsigned char *bytes, size_t size)
{
    static const unsigned char empty[4] = {0, 0, 0, 2};
    return size == PDV_HEAD && bytes[0] == 4 && memcmp(bytes + 6, empty, sizeof empty) != 0;
}

static ssize_t line_write(struct line *line, void *bytes, size_t size)
{
    const unsigned char *first = static_cast<const unsigned char *>(bytes);
    if (line->head_size == 0 && is_pdv_head(first, size)) {
        memcpy(line->head, bytes, size);
        line->head_size = size;
        return (ssize_t)size;
    }
    line->abort_sent = line->abort_sent || (size == 10 && first[0] == PDU_ABORT);
    return size == 0 && line->head_size == 0 ? 0 : line_send(line, bytes, size);
}

void line_last_word(struct line *line, const void *bytes, size_t size)
{
    if (line->fd < 0) {
        return;
    }
    char scrap[4096];
    send(line->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(line->fd, SHUT_WR);
    for (size_t total = 0; total < CLOSE_DRAIN_MAX; total += sizeof scrap) {
        if (recv(line->fd, scrap, sizeof scrap, MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

void line_await_close(struct line *line)
{
    line->ahead_at = line->ahead_end;
    while (line->fd >= 0 && line_await(line) == ERR_OK) {
        line->ahead_at = line->ahead_end;
    }
}

namespace {

class Connection : public DcmTCPConnection {
  public:
    Connection(DcmNativeSocketType socket, struct line *owner) : DcmTCPConnection(socket), line(owner)
    {
        line->connection = this;
        line->fd = socket;
    }
    ~Connection() override
    {
        forget();
    }
    ssize_t read(void *buffer, size_t size) override
    {
        return line->fd < 0 ? -1 : line_read(line, buffer, size);
    }
    ssize_t write(void *bytes, size_t size) override
    {
        return line->fd < 0 ? -1 : line_write(line, bytes, size);
    }
    void close() override
    {
        line->fd = -1;
        DcmTCPConnection::close();
    }
    void closeTransportConnection() override
    {
        line->fd = -1;
        DcmTCPConnection::closeTransportConnection();
    }
    /* DCMTK counts in whole seconds; the line has its own deadline. */
    OFBool networkDataAvailable(int) override
    {
        if (line->fd < 0) {
            return OFFalse;
        }
        return line->answer_due ? answer_has_come(line) : line_await(line) != ERR_TIMEOUT;
    }
    OFBool isTransparentConnection() override
    {
        return OFFalse; /* keeps DCMTK from polling the socket behind our read-ahead */
    }

  private:
    void forget()
    {
        line->fd = -1;
        line->connection = nullptr;
    }
    struct line *line;
};

thread_local struct line *adopted;

class Layer : public DcmTransportLayer {
  public:
    DcmTransportConnection *createConnection(DcmNativeSocketType socket, OFBool secure) override
    {
        struct line *line = adopted;
        if (secure || line == nullptr) {
            return nullptr;
        }
        if (socket != line->fd) { /* dialled: the descriptor that DCMTK holds becomes the peer's */
            struct linger reset = {1, 0};
            setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            if (dup3(line->fd, socket, O_CLOEXEC) < 0) {
                return nullptr;
            }
            ::close(line->fd);
        }
        int one = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        return new Connection(socket, line);
    }
};

Layer layer;

} // namespace

DcmTransportLayer *line_layer(void)
{
    return &layer;
}

void line_adopt(struct line *line)
{
    adopted = line;
}
