/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when the host's firewall may have changed: soon after the kernel says so of nf_tables, and every
 * few seconds in any case, because the legacy tables change without a word.
 */
#ifndef RELAY_GUARD_H
#define RELAY_GUARD_H

#include <nexodus/agent.h>
#include <nexodus/plugin.h>

struct guard {
	const struct nx_services *services;
	struct nx_host *host;
	void (*due)(void *context); /* may stop the guard */
	void *context;
	struct nx_watch *every;	 /* the regular look */
	struct nx_watch *events; /* NULL: the kernel tells nothing */
	struct nx_watch *settle; /* a look that waits until a change is over */
	int descriptor;		 /* of the events; -1: none */
};

/* Begin, unless begun. Without memory or events there are fewer looks, or none. */
void guard_start(struct guard *guard);
void guard_stop(struct guard *guard);

#endif
