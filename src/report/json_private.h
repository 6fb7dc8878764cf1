/* SPDX-License-Identifier: MIT
 *
 * JSON, inside: what results.json is made of. */
#ifndef PONT_REPORT_JSON_PRIVATE_H
#define PONT_REPORT_JSON_PRIVATE_H

#include "src/bench/results.h"

#include <jansson.h>

/* A string; "(not UTF-8)" when it is none. */
json_t *json_slice(slice text);
/* Of a run that has a series: months, sites, archives, links, objectives, faults. */
json_t *json_series(const struct results *results);

#endif
