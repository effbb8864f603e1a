/* SPDX-License-Identifier: Apache-2.0 */
/* This host's forwarding for the mesh: firewall table and kernel switches, and the memory of what they were.
 */
#ifndef RELAY_FORWARD_H
#define RELAY_FORWARD_H

#include "plugins/relay/firewall.h"
#include "plugins/relay/undo.h"

struct forwarding {
	const struct nx_services *services;
	struct nx_host *host;
	struct undo undo;
	bool recorded; /* the file holds all of `undo` */
};

/* Learn what an agent before us left behind. */
void forwarding_start(struct forwarding *forwarding);
/* Forward as wished. What stood already stands on; traffic is not interrupted. */
enum nx_status forwarding_on(struct forwarding *forwarding, const struct firewall_wish *wish,
			     struct nx_error *error);
/* Put everything back. Nothing is done, nor run, where there is nothing to put back. */
enum nx_status forwarding_off(struct forwarding *forwarding, struct nx_error *error);
/* Free what it holds; changes nothing on the host. */
void forwarding_free(struct forwarding *forwarding);

#endif
