/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the host's links, addresses and routes for changes that somebody else
 * made. What the agent's own requests cause is left out.
 */
#ifndef NX_AGENT_NETWORK_MONITOR_H
#define NX_AGENT_NETWORK_MONITOR_H

#include <uv.h>

#include "base/error.h"

struct nx_monitor;

struct nx_monitor_listener {
	/* Something of ours on the interface is gone or down: look again. */
	void (*disturbed)(void *context);
	/* The host's addresses or ways out have changed: families, endpoints. */
	void (*moved)(void *context);
	/* A link or a route that is not ours has changed in some way: perhaps the size of packets that it
	 * takes. */
	void (*reshaped)(void *context);
	/* A route of the host's own, not a default one, is gone: another may take its place. */
	void (*freed)(void *context);
	void *context;
};

enum nx_status nx_monitor_start(uv_loop_t *loop, const struct nx_monitor_listener *listener,
				struct nx_monitor **out, struct nx_error *error);
void nx_monitor_stop(struct nx_monitor *monitor); /* NULL is fine */
/* What is ours: the interface (0: none yet) and the socket that asks for changes. */
void nx_monitor_expect(struct nx_monitor *monitor, int interface_index, uint32_t port);

#endif
