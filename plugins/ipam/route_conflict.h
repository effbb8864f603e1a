/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes that could not be added because the host has one to the same prefix: through our interface, which is
 * as good, or through another one, which is never replaced but told.
 */
#ifndef IPAM_ROUTE_CONFLICT_H
#define IPAM_ROUTE_CONFLICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/ipam/agent.h"

/* A growing list of prefixes; what did not fit for want of memory leaves `no_memory`. */
struct prefix_list {
	struct nx_prefix *items;
	size_t count;
	size_t room;
	bool no_memory;
};

void prefix_list_add(struct prefix_list *list, const struct nx_prefix *prefix);
void prefix_list_free(struct prefix_list *list);
/* What both hold, of one family, into `out`; `b` is sorted by it. */
void prefix_list_common(const struct prefix_list *a, struct prefix_list *b, struct prefix_list *out);

/* NX_CONFLICT, naming one, when some of `stood` are not routed through the interface. Costs nothing when the
 * list is empty, else one or two dumps of the routing table. */
enum nx_status route_conflict_check(const struct ipam_agent *agent, uint32_t interface_index,
				    const struct prefix_list *stood, struct nx_error *error);

#endif
