/* SPDX-License-Identifier: MIT
 *
 * Errors: three kinds of trouble, never mixed.
 *   - a bug of ours          assert(), kept in every build;
 *   - the world failed us    an `enum err` return value, which the caller must look at;
 *   - a node misbehaved      not an error at all: a finding, which is our product.
 * DIMSE statuses and HL7 acknowledgement codes are values, not errors. */
#ifndef PONT_BASE_ERROR_H
#define PONT_BASE_ERROR_H

#include "src/base/slice.h"

#define MUST_USE __attribute__((warn_unused_result))

enum err {
#define ERR(name, exit_code, text) ERR_##name,
#include "src/base/error.def"
#undef ERR
    ERR_COUNT
};

/* Where a person must look; used only where a person wrote the input. `line` and `column` count from 1,
 * 0 when there is none. `text` says what was found, what was expected and what to do next. */
struct error {
    enum err code;
    int line, column;
    char file[256];
    char text[512];
};

/* The sentence of the table, and the exit code of `pont` for it. Never null. */
const char *err_text(enum err err);
int err_exit_code(enum err err);
/* The row's name without prefix: "LIMIT". */
const char *err_name(enum err err);

#endif
