/* SPDX-License-Identifier: MIT
 *
 * Mutant: defects that can be switched on to prove that the tests see them. In the product MUTANT(x) is the
 * constant 0 and WITHOUT(x) too; only a build with -DPONT_MUTANTS has the two global switches (the one
 * exception to "no globals" below the wall), set once before the engine runs. */
#ifndef PONT_ENGINE_MUTANT_H
#define PONT_ENGINE_MUTANT_H

#include "src/base/slice.h"

enum mutant {
#define MUTANT_ROW(name, invariant, text) name,
#include "tests/mutants/mutants.def"
#undef MUTANT_ROW
    MUTANT_COUNT
};

#ifdef PONT_MUTANTS
extern bool mutants_on[MUTANT_COUNT + 1];
extern uint64_t mutants_without; /* dialects that the engine forgets: bits 1 << DIALECT_x */
#define MUTANT(name) (mutants_on[name])
#define WITHOUT(dialect) ((mutants_without >> (dialect) & 1) != 0)
#else
#define MUTANT(name) 0
#define WITHOUT(dialect) ((void)(dialect), 0)
#endif

/* Switches a defect on by the name of its row; false when there is none, and in every product build. */
bool mutant_set(slice name);
/* Takes the mitigation (a row of dialect.def) away; false when there is none, and in every product build. */
bool mutant_without(slice dialect);

#endif
