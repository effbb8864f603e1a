/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firewall table of a host that forwards: `inet nexodus_<interface>`. It is replaced as a whole in one
 * transaction of nft(8), and holds nothing but ours.
 *
 * Forwarding opens the host for everybody, so the table closes again what nobody asked for: what comes out of
 * the tunnel may go back into it (a relay), to the networks that this host advertises, to where the host's
 * own rules translate it (a published container port), or answer what was begun from here; nothing else.
 *
 * If so wished, what goes to the advertised networks gets this host's address as its source there (needs
 * Linux 5.7): hosts in them then need no route back to the mesh.
 */
#ifndef RELAY_FIREWALL_H
#define RELAY_FIREWALL_H

#include <nexodus/agent.h>
#include <nexodus/plugin.h>

/* What may be forwarded. */
struct firewall_wish {
	const char *interface;		  /* judged by firewall_name_fit */
	bool relay;			  /* between peers */
	const struct nx_prefix *networks; /* between peers and these */
	size_t network_count;
	bool translate; /* to these networks with this host's address as the source */
};

/* May the interface's name stand in a ruleset? Letters, digits, "_", "-" and ".", 1 to 15 of them. */
bool firewall_name_fit(const char *interface);

/* The ruleset, for free(); NULL: no memory. */
char *firewall_text(const struct nx_services *services, const struct firewall_wish *wish);

/* Put the table in place, or take it away (it need not be there). They wait for nft. */
enum nx_status firewall_set(const struct nx_services *services, struct nx_host *host,
			    const struct firewall_wish *wish, struct nx_error *error);
enum nx_status firewall_remove(const struct nx_services *services, struct nx_host *host,
			       const char *interface, struct nx_error *error);

#endif
