/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where lines of the log go: standard error, whoever reads it. A reader that has
 * stopped reading must not stop the program: after a short wait lines are dropped,
 * and counted until one goes through again. Thread-safe.
 */
#ifndef NX_BASE_LOG_OUTPUT_H
#define NX_BASE_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Write a whole line, its newline included. False: it was dropped, or cut. */
bool nx_log_output(const char *line, size_t length);
/* How many lines were dropped since this was last asked; 0 while nobody reads. */
uint64_t nx_log_output_dropped(void);

#endif
