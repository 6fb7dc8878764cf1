/* SPDX-License-Identifier: MIT
 *
 * Rules: what can be wrong with a file, one row each (rules.def). */
#ifndef PONT_SCENARIO_RULES_H
#define PONT_SCENARIO_RULES_H

#include "src/base/buffer.h"

struct rule {
    const char *id, *title, *text, *wrong, *right;
};
extern const struct rule rules[];
extern const size_t rule_count;
/* Null when there is none of that id. */
const struct rule *rule_find(slice id);
/* The rule for people: title, why, an example and its remedy. */
void rule_put(const struct rule *rule, struct buffer *buffer);

#endif
