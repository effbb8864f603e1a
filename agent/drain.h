/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a relay out of service. It says in its record that it drains, goes on relaying, and its spokes move
 * to another one (relay_choice.h). By the operator's wish, until he takes it back or this program ends; and
 * for a bounded time when this program is told to end, so that nothing is lost when it does.
 */
#ifndef NX_AGENT_DRAIN_H
#define NX_AGENT_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/loop.h"
#include "base/error.h"

struct nx_agent;

struct nx_drain {
	bool on;
	struct nx_timer *timer; /* NULL: this program is not about to end */
	uint64_t deadline;	/* of the loop's clock, ms */
	uint64_t quiet;		/* since when no spoke is behind this relay; 0: one is */
};

/*
 * Drain, or no longer. NX_INVALID: this host is no relay; NX_UNAVAILABLE: the service is away, so nobody
 * would hear of it; NX_CONFLICT: there is no other relay, unless `force`.
 */
enum nx_status nx_drain_set(struct nx_agent *agent, bool on, bool force, struct nx_error *error);
/* This program is to end: answers whether it waits for spokes, and calls nx_agent_end() itself then. Asked a
 * second time it does not wait. */
bool nx_drain_before_end(struct nx_agent *agent);
void nx_drain_release(struct nx_drain *drain);

#endif
