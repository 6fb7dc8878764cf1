/* SPDX-License-Identifier: MIT */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dctk.h"

#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcostrmb.h"

#include "src/dcmtk/dataset.h"
#include "src/dcmtk/walk.h"

#include <cstdlib>
#include <cstring>

#define INFLATED_MAX ((size_t)1 << 30) /* a deflated data set that grows beyond this is a bomb */
#define CHUNK 65536u

/* ---- The dictionary. */

static uint16_t vr_letters(const char *name)
{
    return VR((uint8_t)name[0], (uint8_t)name[1]);
}

uint16_t dictionary_vr(uint32_t tag, bool is_signed)
{
    DcmTag found((Uint16)(tag >> 16), (Uint16)tag);
    switch (found.getEVR()) {
    case EVR_xs:
        return is_signed ? VR('S', 'S') : VR('U', 'S');
    case EVR_ox:
    case EVR_px:
    case EVR_lt:
        return VR('O', 'W');
    case EVR_up:
        return VR('U', 'L');
    default:
        break;
    }
    const char *name = found.getVRName();
    bool standard = found.getVR().isStandard() && strlen(name) == 2 && name[0] >= 'A' && name[0] <= 'Z' && name[1] >= 'A' && name[1] <= 'Z';
    return standard ? vr_letters(name) : VR('U', 'N');
}

/* ---- Growing memory. */

struct heap {
    char *data;
    size_t size, capacity;
};

/* Room for `more` bytes behind what is there; false at the limit. */
static bool heap_reserve(struct heap *heap, size_t more)
{
    if (heap->capacity - heap->size >= more) {
        return true;
    }
    size_t wanted = heap->capacity * 2 > heap->size + more ? heap->capacity * 2 : heap->size + more;
    if (wanted > INFLATED_MAX) {
        return false;
    }
    char *grown = static_cast<char *>(realloc(heap->data, wanted));
    if (grown == nullptr) {
        return false;
    }
    heap->data = grown;
    heap->capacity = wanted;
    return true;
}

static enum err heap_give(struct heap *heap, bool good, slice *out)
{
    if (!good || heap->data == nullptr) {
        free(heap->data);
        return ERR_BAD_MESSAGE;
    }
    *out = {heap->data, heap->size};
    return ERR_OK;
}

void dcmtk_free(slice bytes)
{
    free(const_cast<char *>(bytes.data));
}

/* ---- Deflated bytes. */

enum err dataset_inflate(slice bytes, slice *out)
{
    DcmInputBufferStream stream;
    stream.setBuffer(bytes.data, (offile_off_t)bytes.size);
    stream.setEos();
    struct heap heap = {};
    bool good = stream.installCompressionFilter(ESC_zlib).good();
    while (good && !stream.eos() && stream.good()) {
        good = heap_reserve(&heap, CHUNK);
        offile_off_t n = good ? stream.read(heap.data + heap.size, CHUNK) : 0;
        heap.size += (size_t)n;
        if (n <= 0) {
            break;
        }
    }
    return heap_give(&heap, good && stream.good() && heap.size > 0, out);
}

/* ---- Another transfer syntax. */

static E_TransferSyntax syntax_of(slice uid)
{
    char text[65];
    if (uid.size >= sizeof text) {
        return EXS_Unknown;
    }
    memcpy(text, uid.data, uid.size);
    text[uid.size] = '\0';
    return DcmXfer(text).getXfer();
}

/* Reads what has been walked before, so that no length in it is false. */
static bool read_dataset(DcmDataset *dataset, slice bytes, E_TransferSyntax syntax)
{
    DcmInputBufferStream stream;
    stream.setBuffer(bytes.data, (offile_off_t)bytes.size);
    stream.setEos();
    dataset->transferInit();
    bool good = dataset->read(stream, syntax, EGL_noChange, DCM_MaxReadLength).good();
    dataset->transferEnd();
    return good;
}

static bool write_dataset(DcmDataset *dataset, E_TransferSyntax syntax, struct heap *heap)
{
    static thread_local char chunk[CHUNK];
    DcmOutputBufferStream stream(chunk, sizeof chunk);
    OFCondition written = EC_StreamNotifyClient;
    dataset->transferInit();
    while (written == EC_StreamNotifyClient) {
        void *part = nullptr;
        offile_off_t size = 0;
        written = dataset->write(stream, syntax, EET_UndefinedLength, nullptr, EGL_withoutGL, EPD_withoutPadding);
        stream.flush();
        stream.flushBuffer(part, size);
        if (!heap_reserve(heap, (size_t)size)) {
            written = EC_MemoryExhausted;
            break;
        }
        memcpy(heap->data + heap->size, part, (size_t)size);
        heap->size += (size_t)size;
    }
    dataset->transferEnd();
    return written.good();
}

static enum err convert_native(slice bytes, slice from_syntax, E_TransferSyntax from, E_TransferSyntax to, slice *out)
{
    static const struct walk only_look = {};
    DcmDataset dataset;
    if (walk_dataset(&only_look, bytes, from_syntax) != ERR_OK || !read_dataset(&dataset, bytes, from) ||
        dataset.chooseRepresentation(to, nullptr).bad() || !dataset.canWriteXfer(to)) {
        return ERR_BAD_MESSAGE;
    }
    struct heap heap = {};
    bool good = heap_reserve(&heap, bytes.size + CHUNK) && write_dataset(&dataset, to, &heap);
    return heap_give(&heap, good, out);
}

static enum err copy_bytes(slice bytes, slice *out)
{
    struct heap heap = {};
    bool good = bytes.size < INFLATED_MAX && heap_reserve(&heap, bytes.size == 0 ? 1 : bytes.size);
    if (good) {
        memcpy(heap.data, bytes.data, bytes.size);
        heap.size = bytes.size;
    }
    return heap_give(&heap, good, out);
}

enum err dcmtk_convert(slice dataset, slice from_syntax, slice to_syntax, slice *out)
{
    E_TransferSyntax from = syntax_of(from_syntax), to = syntax_of(to_syntax);
    if (slice_equal(from_syntax, to_syntax)) {
        return copy_bytes(dataset, out);
    }
    if (from == EXS_Unknown || to == EXS_Unknown || DcmXfer(to).isEncapsulated()) {
        return ERR_BAD_MESSAGE;
    }
    if (from != EXS_DeflatedLittleEndianExplicit) {
        return convert_native(dataset, from_syntax, from, to, out);
    }
    slice inflated;
    enum err err = dataset_inflate(dataset, &inflated);
    if (err == ERR_OK) {
        err = convert_native(inflated, slice_from(UID_LittleEndianExplicitTransferSyntax), EXS_LittleEndianExplicit, to, out);
        dcmtk_free(inflated);
    }
    return err;
}
