/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines of connections: a wheel of slots, so that setting, moving and clearing
 * one costs the same with ten connections and with ten thousand. Times are
 * milliseconds of CLOCK_MONOTONIC; one expires at most NX_DEADLINE_STEP late.
 * HTTP thread only.
 */
#ifndef NX_SERVER_HTTP_DEADLINE_H
#define NX_SERVER_HTTP_DEADLINE_H

#include <stdint.h>
#include <sys/queue.h>

#define NX_DEADLINE_STEP 128
#define NX_DEADLINE_SLOTS 512

/* Zero-initialized is not set. */
struct nx_deadline {
	LIST_ENTRY(nx_deadline) slot;
	uint64_t at; /* 0: not set */
};

struct nx_deadlines {
	LIST_HEAD(nx_deadline_slot, nx_deadline) slot[NX_DEADLINE_SLOTS];
	uint64_t step; /* all before it have been looked at */
};

void nx_deadline_set(struct nx_deadlines *deadlines, struct nx_deadline *deadline, uint64_t at);
void nx_deadline_clear(struct nx_deadline *deadline);
/* Clears each that is due and hands it over. */
void nx_deadlines_run(struct nx_deadlines *deadlines, uint64_t now,
		      void (*expired)(struct nx_deadline *deadline));
/* How long until one may be due, -1 when none is set: for epoll_wait(). */
int nx_deadlines_wait(const struct nx_deadlines *deadlines, uint64_t now);

#endif
