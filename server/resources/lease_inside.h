/* SPDX-License-Identifier: Apache-2.0 */
/* What choosing by the pool and choosing by a strategy have in common. Inside of lease.h; writer thread. */
#ifndef NX_SERVER_RESOURCES_LEASE_INSIDE_H
#define NX_SERVER_RESOURCES_LEASE_INSIDE_H

#include "server/resources/pools.h"
#include "server/resources/strategy.h"

/* Proposals that the table contradicts before the pool is read anew. */
#define NX_LEASE_PROBES 64

/* One address to be chosen. */
struct nx_choice {
	struct nx_leases *leases;
	struct nx_tx *tx;
	struct nx_pool_entry *entry;
	const struct nx_lease_request *request;
};

/* Does the table know this address of the organization? */
enum nx_status nx_lease_exists(const struct nx_choice *choice, const struct nx_address *address, bool *out,
			       struct nx_error *error);
/*
 * Take this very address in the pool, which is read anew first when it has the address for taken
 * and the table does not: the lease may have ended, here or on another server. *verdict and *why
 * are the pool's answer; NX_OK says that there is one.
 */
enum nx_status nx_lease_take(const struct nx_choice *choice, const struct nx_address *address,
			     enum nx_status *verdict, struct nx_error *why, struct nx_error *error);
/* A plugin's refusal, with the field that the client knows the address by. */
enum nx_status nx_lease_refuse(const struct nx_choice *choice, enum nx_status status,
			       const struct nx_error *why, struct nx_error *error);
/* A plugin's proposal is unfit: NX_INTERNAL. */
enum nx_status nx_lease_misbehaves(const char *plugin, const struct nx_address *address, const char *what,
				   struct nx_error *error);
/* Is it an address of the pool's family, in the pool's prefix? Otherwise `plugin` misbehaves. */
enum nx_status nx_lease_proposal_check(const struct nx_choice *choice, const char *plugin,
				       const struct nx_address *address, struct nx_error *error);

/* lease_strategy.c: ask the strategy until it proposes an address that is free, and take it. */
enum nx_status nx_lease_by_strategy(const struct nx_choice *choice, const struct nx_strategy *strategy,
				    struct nx_address *out, struct nx_error *error);

#endif
