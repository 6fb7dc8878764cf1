/* SPDX-License-Identifier: MIT */
#include "src/base/error.h"

#include <assert.h>

static const struct {
    const char *name, *text;
    int exit_code;
} rows[ERR_COUNT] = {
#define ERR(name, exit_code, text) {#name, text, exit_code},
#include "src/base/error.def"
#undef ERR
};

const char *err_text(enum err err)
{
    assert(err < ERR_COUNT);
    return rows[err].text;
}

int err_exit_code(enum err err)
{
    assert(err < ERR_COUNT);
    return rows[err].exit_code;
}

const char *err_name(enum err err)
{
    assert(err < ERR_COUNT);
    return rows[err].name;
}
