/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to try again what failed: at once, then after 100 ms, twice that, … up to
 * 5 s, each with some chance in it, so that servers do not come back in step.
 * Zero-initialized is ready. Times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef NX_SERVER_STORE_BACKOFF_H
#define NX_SERVER_STORE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct nx_backoff {
	uint64_t delay; /* 0: nothing has failed */
	uint64_t due;
};

uint64_t nx_milliseconds(void);
/* For pthread_cond_clockwait() with CLOCK_MONOTONIC. */
struct timespec nx_timespec(uint64_t milliseconds);

bool nx_backoff_due(const struct nx_backoff *backoff);
void nx_backoff_failed(struct nx_backoff *backoff);
void nx_backoff_worked(struct nx_backoff *backoff);

#endif
