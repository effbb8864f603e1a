/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent offers its plugins: the implementation of <nexodus/agent.h>. */
#ifndef NX_AGENT_SERVICES_H
#define NX_AGENT_SERVICES_H

#include <nexodus/agent.h>
#include <uv.h>

#include "agent/network/netlink.h"

/* What stands behind every plugin's host handle (nx_host_program()). */
struct nx_services_base {
	uv_loop_t *loop;
	const char *state_directory;
	const char *interface_name;
	void (*reconcile)(void *context); /* a plugin asks for a look at the host; NULL: nobody listens yet */
	void *context;
	struct nx_netlink *route; /* opened when first needed */
	struct nx_netlink *generic;
};

extern const struct nx_agent_services nx_agent_services;

/* The socket for rtnetlink, opened when first needed; NULL (error told) when it cannot be had. */
struct nx_netlink *nx_services_route(struct nx_services_base *base, struct nx_error *error);
void nx_services_release(struct nx_services_base *base);

#endif
