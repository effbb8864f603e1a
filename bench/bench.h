/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench programs share: where and when they ran, time, medians, rows of figures. */
#ifndef NX_BENCH_BENCH_H
#define NX_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

/* "what", machine, date, build, and a line of settings; printf-like. */
void bench_heading(const char *what, const char *settings, ...) __attribute__((format(printf, 2, 3)));

uint64_t bench_nanoseconds(void); /* CLOCK_MONOTONIC */

/* Runs `once` `runs` times and answers the median of what it answers. The order of runs of
 * different measurements is the caller's: those that are compared should alternate. */
double bench_median_of(unsigned runs, double (*once)(void *context), void *context);
/* Sorts the values; the mean of the middle two when their number is even. */
double bench_median(double *values, size_t count);

/* One aligned line: what was measured, the figure with its unit, and its ratio to another
 * (`beside` is 0: none). */
void bench_print(const char *what, double figure, const char *unit, double beside);

#endif
