/* SPDX-License-Identifier: MIT */
#include "src/scenario/meaning.h"

#include "src/scenario/check.h"

const struct meaning *meanings(void)
{
    static const struct meaning list[] = {
#define EFFECT(key, how, layer, on, verb, not_wire, not_virtual, text) {how[0] == '\0' ? key : how, not_wire, not_virtual},
#include "src/scenario/effects.def"
#undef EFFECT
#define CHANGE(word, bind, not_wire, not_virtual, text) {word, not_wire, not_virtual},
#include "src/scenario/changes.def"
#undef CHANGE
        {NULL, NULL, NULL},
    };
    return list;
}
