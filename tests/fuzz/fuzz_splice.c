/* SPDX-License-Identifier: MIT
 *
 * Whatever bytes stream past: no crash; a splice with nothing to do passes them; in pieces or at once the same comes
 * out; and what comes out of an edit of a data set is the edit of the data set. The first byte chooses the syntax,
 * the second the size of the pieces. */
#include <assert.h>

#include "src/dicom/splice.h"
#include "src/dicom/splice_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct splice splice;
static char first[1 << 20], second[1 << 20];
static char memory[1 << 23] __attribute__((aligned(16)));

static enum err put_into(void *self, slice bytes)
{
    buffer_put(self, bytes);
    return ERR_OK;
}

static enum err run(slice bytes, enum syntax syntax, const struct splice_plan *plan, size_t step, struct buffer *out)
{
    splice_init(&splice, syntax, plan, (struct splice_sink){put_into, out});
    for (; bytes.size > 0; bytes = slice_after(bytes, step)) {
        enum err err = splice_put(&splice, slice_before(bytes, step));
        if (err != ERR_OK) {
            return err;
        }
    }
    return splice_end(&splice);
}

static void check_edit(slice bytes, slice out, const struct splice_plan *plan, enum syntax syntax)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct dataset before, after;
    if (dataset_parse(&before, bytes, syntax, &arena) != ERR_OK) {
        return;
    }
    enum err err = dataset_parse(&after, out, syntax, &arena);
    /* An item more may be one more than the reader's limits let in; nothing else can go wrong. */
    assert(err == ERR_OK || err == ERR_LIMIT);
    if (err != ERR_OK) {
        return;
    }
    for (uint32_t i = 0; i < plan->put->count; i++) {
        assert(slice_equal(dataset_get(&after, plan->put->elements[i].tag), plan->put->elements[i].value));
    }
    for (size_t i = 0; i < plan->remove_count; i++) {
        assert(!dataset_has(&after, plan->remove[i]));
    }
    const struct element *patient = dataset_find(&before, TAG_PatientID);
    const struct element *originals = dataset_find(&after, TAG_OriginalAttributesSequence);
    if (patient != NULL && patient->item_count == 0) {
        assert(originals != NULL && originals->item_count > 0);
        const struct dataset *item = &originals->items[originals->item_count - 1];
        const struct element *modified = dataset_find(item, TAG_ModifiedAttributesSequence);
        assert(modified->item_count == 1 && dataset_has(&modified->items[0], TAG_PatientID));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct element elements[3];
    static const uint32_t removed[] = {TAG_OtherPatientIDsSequence};
    struct dataset put = {elements, 0, 3};
    if (size < 2 || size > 1 << 16 || dataset_put(&put, TAG_PatientID, SLICE("9990000018")) != ERR_OK ||
        dataset_put(&put, TAG_AccessionNumber, SLICE("RWM1")) != ERR_OK) {
        return 0;
    }
    slice bytes = {(const char *)data + 2, size - 2};
    enum syntax syntax = (enum syntax)(data[0] % 3);
    size_t step = data[1] == 0 ? 1 : data[1];
    const struct splice_plan nothing = {.put = NULL};
    const struct splice_plan edit = {.put = &put, .remove = removed, .remove_count = 1, .source = SLICE("A"), .modified_at = SLICE("2010"), .modifier = SLICE("B"), .reason = SLICE("COERCE")};
    struct buffer a = buffer_over(first, sizeof first), b = buffer_over(second, sizeof second);
    enum err err = run(bytes, syntax, &nothing, step, &a);
    assert(err != ERR_OK || slice_equal(buffer_slice(&a), bytes));
    a.size = 0;
    err = run(bytes, syntax, &edit, step, &a);
    enum err whole = run(bytes, syntax, &edit, bytes.size + 1, &b);
    assert(err == whole && slice_equal(buffer_slice(&a), buffer_slice(&b)));
    if (err == ERR_OK) {
        check_edit(bytes, buffer_slice(&a), &edit, syntax);
    }
    return 0;
}
