/* SPDX-License-Identifier: MIT */
#include "src/engine/mutant.h"

#include "src/engine/config.h"

#ifdef PONT_MUTANTS

bool mutants_on[MUTANT_COUNT + 1];
uint64_t mutants_without;

static const char *const mutant_names[MUTANT_COUNT + 1] = {
#define MUTANT_ROW(name, invariant, text) #name,
#include "tests/mutants/mutants.def"
#undef MUTANT_ROW
};

static const char *const dialect_names[DIALECT_COUNT] = {
#define DIALECT(name, quirks, text) #name,
#include "src/engine/dialect.def"
#undef DIALECT
};

/* "M-DROP-LAST" and "M_DROP_LAST" are one name. */
static bool same_name(slice a, const char *b)
{
    slice other = slice_from(b);
    for (size_t i = 0; i < a.size && i < other.size; i++) {
        if (a.data[i] != other.data[i] && !(a.data[i] == '-' && other.data[i] == '_')) {
            return false;
        }
    }
    return a.size == other.size;
}

bool mutant_set(slice name)
{
    for (size_t i = 0; i < MUTANT_COUNT; i++) {
        if (same_name(name, mutant_names[i])) {
            mutants_on[i] = true;
            return true;
        }
    }
    return false;
}

bool mutant_without(slice dialect)
{
    for (size_t i = 0; i < DIALECT_COUNT; i++) {
        if (same_name(dialect, dialect_names[i])) {
            mutants_without |= (uint64_t)1 << i;
            return true;
        }
    }
    return false;
}

#else

bool mutant_set(slice name)
{
    (void)name;
    return false;
}

bool mutant_without(slice dialect)
{
    (void)dialect;
    return false;
}

#endif
