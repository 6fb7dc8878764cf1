/* SPDX-License-Identifier: MIT
 *
 * Number: figures as the reports of several seeds write them: six digits that count, the same bytes for the same value. */
#ifndef PONT_BENCH_NUMBER_H
#define PONT_BENCH_NUMBER_H

#include "src/base/buffer.h"

#define NUMBER_TEXT_MAX 40
void number_text(double value, char text[NUMBER_TEXT_MAX]);
void number_put(struct buffer *buffer, double value);

#endif
