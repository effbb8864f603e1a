/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of this host no route of the mesh may take, whatever the service says: its own addresses, the
 * networks it is connected to, the way to the service, its gateways and its name servers. Only the
 * operator of this host can let the mesh have more (`accept-networks`), or less (`strict-networks`).
 */
#ifndef NX_AGENT_PLAN_GUARD_H
#define NX_AGENT_PLAN_GUARD_H

#include <nexodus/address.h>
#include <stdbool.h>

/* The operator's word; points to what outlives it. */
struct nx_trust {
	const struct nx_prefix
		*accepted; /* networks that are taken although the rest here speaks against it */
	size_t accepted_count;
	bool strict; /* nothing but those */
};

struct nx_guard {
	struct nx_address *own; /* of this host outside the mesh */
	size_t own_count;
	struct nx_address service;    /* where it is; length 0: not known */
	struct nx_address *essential; /* gateways, name servers */
	size_t essential_count;
	struct nx_prefix *networks; /* that this host is connected to */
	size_t network_count;
};

/* Add an address or a network, once. An address without length is none. */
void nx_guard_own(struct nx_guard *guard, const struct nx_address *address);
void nx_guard_essential(struct nx_guard *guard, const struct nx_address *address);
void nx_guard_network(struct nx_guard *guard, const struct nx_prefix *network);
void nx_guard_release(struct nx_guard *guard);
/* Do both hold the same, in the same order? */
bool nx_guard_same(const struct nx_guard *a, const struct nx_guard *b);

bool nx_guard_is_own(const struct nx_guard *guard, const struct nx_address *address);
/* Has the operator of this host accepted the network, or one that holds it? */
bool nx_trust_accepts(const struct nx_trust *trust, const struct nx_prefix *network);
/* Why the prefix may not be routed into the mesh, for a person; NULL: nothing here speaks against it. */
const char *nx_guard_refusal(const struct nx_guard *guard, const struct nx_trust *trust,
			     const struct nx_prefix *prefix);
/* Why this host may not have the address in an organization of that prefix; NULL: it may. */
const char *nx_guard_self_refusal(const struct nx_guard *guard, const struct nx_trust *trust,
				  const struct nx_address *address, const struct nx_prefix *organization);

/* The addresses of the lines "nameserver ADDRESS" of a resolv.conf(5), `room` at most; how many. */
size_t nx_guard_resolvers(const char *text, struct nx_address *out, size_t room);

#endif
