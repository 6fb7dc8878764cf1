/* SPDX-License-Identifier: MIT
 *
 * What tests/golden/dataset_dcmtk.sh asks of src/dicom, as a program over files with a meta header:
 *   dataset_tool syntax FILE             prints implicit, explicit, big or encapsulated
 *   dataset_tool body FILE               the bytes behind the meta header
 *   dataset_tool write FILE SYNTAX       parsed and written again in the syntax
 *   dataset_tool splice FILE STEP        passed through a splice that has nothing to do, STEP bytes at a time
 *   dataset_tool coerce FILE STEP        passed through a splice that replaces PatientID and AccessionNumber */
#include <stdio.h>
#include <stdlib.h>

#include "src/dicom/splice.h"
#include "src/dicom/uid.h"

#define FILE_MAX (4u << 20)

static struct arena arena;

static int fail(const char *what, enum err err)
{
    fprintf(stderr, "%s: %s\n", what, err_text(err));
    return 1;
}

static slice read_file(const char *path)
{
    static char bytes[FILE_MAX];
    FILE *file = fopen(path, "rb");
    size_t size = file == NULL ? 0 : fread(bytes, 1, FILE_MAX, file);
    if (file != NULL) {
        fclose(file);
    }
    return (slice){bytes, size};
}

/* The meta header is group 0002 in explicit little endian behind 128 bytes and "DICM" (PS3.10 7.1). */
static slice behind_meta(slice file, slice *transfer_syntax)
{
    *transfer_syntax = SLICE_EMPTY;
    slice rest = slice_after(file, 132);
    while (rest.size > 12 && rest.data[0] == 2 && rest.data[1] == 0) {
        struct cursor cursor = {.rest = slice_after(rest, 2)};
        uint16_t element = cursor_u16(&cursor);
        slice vr = cursor_bytes(&cursor, 2);
        uint32_t length = cursor_u16(&cursor);
        if (slice_equal(vr, SLICE("OB"))) {
            length = cursor_u32(&cursor);
        }
        slice value = cursor_bytes(&cursor, length);
        if (element == 0x0010) {
            *transfer_syntax = slice_unpad(value);
        }
        rest = cursor.rest;
    }
    return rest;
}

static enum syntax syntax_of(slice transfer_syntax)
{
    return slice_equal(transfer_syntax, UID_IMPLICIT_LITTLE) ? SYNTAX_IMPLICIT_LITTLE
           : slice_equal(transfer_syntax, UID_EXPLICIT_BIG)  ? SYNTAX_EXPLICIT_BIG
                                                             : SYNTAX_EXPLICIT_LITTLE;
}

static enum err put_out(void *self, slice bytes)
{
    (void)self;
    return fwrite(bytes.data, 1, bytes.size, stdout) == bytes.size ? ERR_OK : ERR_SYSTEM;
}

static int write_again(slice body, enum syntax from, const char *to)
{
    struct dataset dataset;
    enum err err = dataset_parse(&dataset, body, from, &arena);
    if (err != ERR_OK) {
        return fail("parse", err);
    }
    struct buffer buffer = buffer_make(&arena, 2 * body.size + 65536);
    dataset_write(&dataset, to[0] == 'i' ? SYNTAX_IMPLICIT_LITTLE : to[0] == 'b' ? SYNTAX_EXPLICIT_BIG : SYNTAX_EXPLICIT_LITTLE, &buffer);
    return buffer.full ? fail("write", ERR_LIMIT) : (int)put_out(NULL, buffer_slice(&buffer));
}

static int splice_file(slice body, enum syntax syntax, bool coerce, size_t step)
{
    struct dataset put;
    if (dataset_init(&put, &arena, 2) != ERR_OK || dataset_put(&put, TAG_PatientID, SLICE("9990000018")) != ERR_OK ||
        dataset_put(&put, TAG_AccessionNumber, SLICE("RWM1")) != ERR_OK) {
        return fail("plan", ERR_LIMIT);
    }
    const struct splice_plan nothing = {.put = NULL};
    const struct splice_plan plan = {.put = &put, .source = SLICE("SITE_B"), .modified_at = SLICE("20100301083000"), .modifier = SLICE("PONT"), .reason = SLICE("COERCE")};
    struct splice *splice = arena_alloc(&arena, splice_size());
    splice_init(splice, syntax, coerce ? &plan : &nothing, (struct splice_sink){put_out, NULL});
    for (; body.size > 0; body = slice_after(body, step)) {
        enum err err = splice_put(splice, slice_before(body, step));
        if (err != ERR_OK) {
            return fail("splice", err);
        }
    }
    enum err err = splice_end(splice);
    return err == ERR_OK ? 0 : fail("splice", err);
}

int main(int argc, char **argv)
{
    slice transfer_syntax;
    if (argc < 3 || arena_make(&arena, 8 * (size_t)FILE_MAX) != ERR_OK) {
        return 2;
    }
    slice body = behind_meta(read_file(argv[2]), &transfer_syntax);
    enum syntax syntax = syntax_of(transfer_syntax);
    const char *verb = argv[1];
    int code = 2;
    if (verb[0] == 's' && verb[1] == 'y') {
        static const char *const names[] = {"implicit", "explicit", "big"};
        code = puts(uid_is_encapsulated(transfer_syntax) ? "encapsulated" : names[syntax]) < 0;
    } else if (verb[0] == 'b') {
        code = (int)put_out(NULL, body);
    } else if (argc == 4 && verb[0] == 'w') {
        code = write_again(body, syntax, argv[3]);
    } else if (argc == 4) {
        code = splice_file(body, syntax, verb[0] == 'c', strtoul(argv[3], NULL, 10));
    }
    arena_drop(&arena);
    return code;
}
