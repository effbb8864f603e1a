/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This host outside the mesh: its addresses, and which of them others can reach
 * its tunnel at. Families are told apart by the length of an address alone.
 */
#ifndef NX_AGENT_NETWORK_UNDERLAY_H
#define NX_AGENT_NETWORK_UNDERLAY_H

#include "agent/capabilities.h"
#include "agent/network/netlink.h"

struct nx_underlay {
	struct nx_address *addresses; /* of this host, of global scope, not on our interface */
	size_t count;
	struct nx_prefix *networks; /* that those addresses stand in */
	size_t network_count;
};

/* Read the host's addresses anew; on failure those of before stay. */
enum nx_status nx_underlay_read(struct nx_underlay *underlay, struct nx_netlink *route, int our_interface,
				struct nx_error *error);
/* The gateway of the way to `remote` over another interface than ours; length 0: none, or not known. */
struct nx_address nx_underlay_gateway(struct nx_netlink *route, const struct nx_address *remote,
				      int our_interface);
bool nx_underlay_has(const struct nx_underlay *underlay, const struct nx_address *address);
void nx_underlay_copy(const struct nx_underlay *from, struct nx_underlay *to);
void nx_underlay_release(struct nx_underlay *underlay);

/* Somewhere outside: the way there is the default one. */
struct nx_address nx_underlay_anywhere(uint8_t length);

/*
 * Where this host is reached over one family's underlay: the address of the list
 * `fixed` that fits, else the source address towards the service (`service`,
 * length 0: not known) or towards anywhere, else any global address of the host.
 * Port 0 when there is none.
 */
struct nx_endpoint nx_underlay_endpoint(const struct nx_underlay *underlay, const struct nx_family *family,
					const struct nx_endpoint *fixed, size_t fixed_count,
					const struct nx_address *service, uint16_t port);

#endif
