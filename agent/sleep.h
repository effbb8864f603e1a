/* SPDX-License-Identifier: Apache-2.0 */
/* Telling a sleep from the readings of two clocks, both in milliseconds. Pure. */
#ifndef NX_AGENT_SLEEP_H
#define NX_AGENT_SLEEP_H

#include <stdbool.h>
#include <stdint.h>

struct nx_sleep {
	uint64_t slept;	 /* boottime without monotonic: since boot */
	uint64_t looked; /* boottime */
};

/* `boottime` (CLOCK_BOOTTIME) runs on while the host sleeps, `monotonic` (CLOCK_MONOTONIC) does not. The
 * latter is read first: it is never ahead. */
void nx_sleep_begin(struct nx_sleep *sleep, uint64_t boottime, uint64_t monotonic);
/* Has the host slept since the last look, or this program not run for long? `gap`: how long ago that look
 * was. */
bool nx_sleep_look(struct nx_sleep *sleep, uint64_t boottime, uint64_t monotonic, uint64_t *gap);

#endif
