/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to something that may be away: after a number of failures in a row it is called once in
 * a while only, until a call works again. Times are milliseconds of CLOCK_MONOTONIC. Not
 * thread-safe.
 */
#ifndef NX_SERVER_IPAM_BREAKER_H
#define NX_SERVER_IPAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define NX_BREAKER_FAILURES 5

/* Zero-initialized: all is well. */
struct nx_breaker {
	unsigned failures; /* in a row */
	bool open;	   /* it is called once in a while only */
	bool trying;	   /* such a call is under way */
	uint64_t next;	   /* when the next one may be */
};

/* May it be called now? When so, one of the three below is due for the call. */
bool nx_breaker_admit(struct nx_breaker *breaker, uint64_t now);
/* The call worked. True when that is news. */
bool nx_breaker_worked(struct nx_breaker *breaker);
/* It failed, and the next one may be after `pause`. True when it has opened by that. */
bool nx_breaker_failed(struct nx_breaker *breaker, uint64_t now, uint64_t pause);
/* It was not made in the end, or what came of it says nothing. */
void nx_breaker_spared(struct nx_breaker *breaker);

#endif
