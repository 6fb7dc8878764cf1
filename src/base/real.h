/* SPDX-License-Identifier: MIT
 *
 * Real: the few functions of real numbers that may reach a time of the plan or of the virtual world. Made of + - * /
 * on IEEE doubles alone, in a fixed order, so that gcc and clang, -O0 and -O3, any C library give the same bits, as
 * long as nothing is contracted into a fused multiply-add (-ffp-contract=off) nor reordered (-ffast-math, refused
 * here). real_self_test knows. Errors are at most one unit in the last place (normal: 1e-15 of its value).
 * Pure, thread-safe. */
#ifndef PONT_BASE_REAL_H
#define PONT_BASE_REAL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __FAST_MATH__
#error "-ffast-math changes results from compiler to compiler: Pont must not be built with it"
#endif

/* True when this build computes what every build must: call once at start, end the program when false. */
bool real_self_test(void);

double real_log(double x);    /* natural; x above 0 and normal, else -1e308 */
double real_exp(double x);    /* 0 below -708, cut at 1e308 above 709 */
double real_sqrt(double x);   /* 0 for x not above 0 */
double real_normal(double u); /* z such that a standard normal draw is below z with chance u; u in (0, 1) */
int64_t real_round(double x); /* to the nearest, halves away from 0; cut at +-2^62 */

/* A draw as a number strictly between 0 and 1. */
double real_unit(uint64_t draw);

#endif
