/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to all peers, looked at from time to time; what they have become is marked for the next plan. */
#ifndef NX_AGENT_NETWORK_WAYS_H
#define NX_AGENT_NETWORK_WAYS_H

#include "agent/network/reconcile.h"

struct nx_ways {
	uint64_t looked; /* CLOCK_BOOTTIME, ms; 0: not yet */
	bool trying;	 /* a way is being tried for the first time … */
	bool failing;	 /* … or goes through a relay, and may come back */
};

/*
 * Ask the tunnel and go over all peers. Answers whether something is to be applied: the caller calls
 * nx_reconcile_apply() then. A tunnel that does not answer changes nothing.
 */
bool nx_ways_look(struct nx_ways *ways, struct nx_reconcile *reconcile);
/* In how many milliseconds to look again. Follows what there is to wait for, and the number of peers. */
uint64_t nx_ways_next(const struct nx_ways *ways, const struct nx_reconcile *reconcile);

/* Why the member is reached the way it is, for a person; "" when it is reached directly and that works. */
void nx_ways_reason(const struct nx_reconcile *reconcile, const struct nx_entry *entry, char *text,
		    size_t room);

#endif
