/* SPDX-License-Identifier: MIT */
#include "src/bench/number.h"

#include <math.h>
#include <stdio.h>

void number_text(double value, char text[NUMBER_TEXT_MAX])
{
    if (fabs(value) < 1e15 && value == floor(value)) {
        snprintf(text, NUMBER_TEXT_MAX, "%.0f", value == 0 ? 0.0 : value); /* counts whole, and no "-0" */
    } else {
        snprintf(text, NUMBER_TEXT_MAX, "%.6g", value);
    }
}

void number_put(struct buffer *buffer, double value)
{
    char text[NUMBER_TEXT_MAX];
    number_text(isfinite(value) ? value : 0, text);
    buffer_put_text(buffer, text);
}
