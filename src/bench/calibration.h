/* SPDX-License-Identifier: MIT
 *
 * Calibration: what the processes of the wire world take of their own, as `make calibrate` measured it: the rows of
 * sim/calibration.yaml, taken in when the program is built, so that one source gives one trace. */
#ifndef PONT_BENCH_CALIBRATION_H
#define PONT_BENCH_CALIBRATION_H

#include "sim/virtual/virtual.h"

#define CALIBRATION_QUANTILES 21 /* at most; 11 say the 0th, 10th ... 100th in a hundred, 21 each 5th */

/* One that is not told of takes no time. */
struct calibration_row {
    int64_t base_us, each_us, bytes_per_s;
    uint32_t factors[CALIBRATION_QUANTILES]; /* in thousandths, evenly spaced, none of them 0 but behind the last; all 0: always 1000 */
};
extern const struct calibration_row calibration_rows[VIRTUAL_SERVICE_COUNT];
extern const int64_t calibration_restart_us;

#endif
