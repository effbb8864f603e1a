/* SPDX-License-Identifier: Apache-2.0 */
/* This host's forwarding for the mesh: our firewall table, openings in the host's own firewall, kernel
 * switches, and the memory of what was before. */
#ifndef RELAY_FORWARD_H
#define RELAY_FORWARD_H

#include "plugins/relay/firewall.h"
#include "plugins/relay/guard.h"
#include "plugins/relay/undo.h"

struct forwarding {
	const struct nx_services *services;
	struct nx_host *host;
	struct undo undo;
	bool recorded; /* the file holds all of `undo` */
	/* What is wished, as long as this host forwards; the interface is that of `undo`. */
	struct firewall_wish wish;
	struct nx_prefix *networks; /* those of `wish`, owned */
	struct guard guard;
	char complaint[320]; /* the last that was logged, so that none is repeated */
};

/* Make it: nothing is done to the host. */
void forwarding_init(struct forwarding *forwarding, const struct nx_services *services, struct nx_host *host);
/* Learn what an agent before us left behind. */
void forwarding_start(struct forwarding *forwarding);
/* Forward as wished, and see to it that it stays so. What stood already stands on; traffic is not
 * interrupted. An opening that cannot be made is logged, and tried again. */
enum nx_status forwarding_on(struct forwarding *forwarding, const struct firewall_wish *wish,
			     struct nx_error *error);
/* Put everything back. Nothing is done, nor run, where there is nothing to put back. */
enum nx_status forwarding_off(struct forwarding *forwarding, struct nx_error *error);
/* Free what it holds; changes nothing on the host. */
void forwarding_free(struct forwarding *forwarding);

/* --- parts (forward_open.c) ----------------------------------------------------------------------- */

/* Have openings wherever they are needed, and nowhere else: all written `anew`, or what is missing. Puts our
 * own table back as well, if it is gone. */
enum nx_status forwarding_open(struct forwarding *forwarding, bool anew, struct nx_error *error);
/* Take all openings away. */
enum nx_status forwarding_close(struct forwarding *forwarding, struct nx_error *error);

#endif
