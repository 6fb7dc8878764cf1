/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7.h"

#define VT '\x0B'
#define FS '\x1C'
#define CR '\r'

static void begin(struct mllp *mllp)
{
    mllp->message.size = 0;
    mllp->message.full = false;
    mllp->state = MLLP_INSIDE;
}

/* Everything up to the next VT is nobody's. Returns the bytes used. */
static size_t skip_outside(struct mllp *mllp, slice bytes)
{
    size_t garbage = slice_index(bytes, VT);
    mllp->garbage += garbage;
    if (garbage == bytes.size) {
        return garbage;
    }
    begin(mllp);
    return garbage + 1;
}

static size_t take_inside(struct mllp *mllp, slice bytes)
{
    slice text = slice_before(bytes, slice_index(bytes, FS));
    text = slice_before(text, slice_index(text, VT));
    buffer_put(&mllp->message, text);
    if (text.size == bytes.size) {
        return text.size;
    }
    if (bytes.data[text.size] == FS) {
        mllp->state = MLLP_AFTER_FS;
    } else {
        mllp->garbage += mllp->message.size + 1;
        begin(mllp);
    }
    return text.size + 1;
}

enum err mllp_take(struct mllp *mllp, slice bytes, size_t *used, bool *complete)
{
    size_t at = 0;
    *complete = false;
    while (at < bytes.size && !*complete && !mllp->message.full) {
        char next = bytes.data[at];
        if (mllp->state == MLLP_OUTSIDE) {
            at += skip_outside(mllp, slice_after(bytes, at));
        } else if (mllp->state == MLLP_INSIDE) {
            at += take_inside(mllp, slice_after(bytes, at));
        } else if (next == CR || next == VT) {
            *complete = true;
            mllp->state = MLLP_OUTSIDE;
            at += next == CR; /* a VT begins the next message: its turn comes with the next call */
        } else {
            buffer_put_byte(&mllp->message, FS);
            mllp->state = MLLP_INSIDE;
        }
    }
    *used = at;
    return mllp->message.full ? ERR_LIMIT : ERR_OK;
}

slice mllp_message(const struct mllp *mllp)
{
    return buffer_slice(&mllp->message);
}

void mllp_write(slice message, struct buffer *buffer)
{
    buffer_put_byte(buffer, VT);
    buffer_put(buffer, message);
    buffer_put_byte(buffer, FS);
    buffer_put_byte(buffer, CR);
}
