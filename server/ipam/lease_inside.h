/* SPDX-License-Identifier: Apache-2.0 */
/* What choosing by the pool and choosing by a strategy have in common. Inside of lease.h; writer thread. */
#ifndef NX_SERVER_IPAM_LEASE_INSIDE_H
#define NX_SERVER_IPAM_LEASE_INSIDE_H

#include "server/ipam/asking.h"
#include "server/ipam/pools.h"
#include "server/ipam/strategy.h"

/* Proposals that the table contradicts before the pool is read anew. */
#define NX_LEASE_PROBES 64

/* One address to be chosen. */
struct nx_choice {
	struct nx_leases *leases;
	struct nx_tx *tx;
	struct nx_pool_entry *entry;
	const struct nx_lease_request *request;
	const struct nx_lease_source *source;
};

/* Is this address of the organization leased, kept for a device, or in quarantine, as the store
 * has it? */
enum nx_status nx_address_held(struct nx_tx *tx, const char *organization_id,
			       const struct nx_address *address, bool *out, struct nx_error *error);
/* The same of an organization's pool. */
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
/* It has none, and not because there is none: NX_INTERNAL. */
enum nx_status nx_lease_no_proposal(const char *plugin, const struct nx_error *why, struct nx_error *error);
/* Whatever may be the reason that a strategy has none: the message is the plugin's, if it has one. */
enum nx_status nx_lease_nothing(const struct nx_choice *choice, const struct nx_strategy *strategy,
				enum nx_status status, const struct nx_error *why, struct nx_error *error);
/* All that it has proposed for a device, this one at last, was taken: NX_INTERNAL. */
enum nx_status nx_lease_taken_again(const struct nx_choice *choice, const struct nx_strategy *strategy,
				    const struct nx_address *address, struct nx_error *error);
/* Is it an address of the pool's family, in the pool's prefix? Otherwise `plugin` misbehaves. */
enum nx_status nx_lease_proposal_check(const struct nx_choice *choice, const char *plugin,
				       const struct nx_address *address, struct nx_error *error);

/* lease_pool.c: the one that the pool proposes by its own strategy, taken. */
enum nx_status nx_lease_by_pool(const struct nx_choice *choice, struct nx_address *out,
				struct nx_error *error);

/* lease_strategy.c: ask the strategy until it proposes an address that is free, and take it. */
enum nx_status nx_lease_by_strategy(const struct nx_choice *choice, const struct nx_strategy *strategy,
				    struct nx_address *out, struct nx_error *error);
/*
 * The pool's answer to a strategy's proposal, *free when it is the one. What only the table knew of
 * stays taken in the pool. `repeated` counts those that were taken; too many are NX_INTERNAL.
 */
enum nx_status nx_lease_proposal_take(const struct nx_choice *choice, const struct nx_strategy *strategy,
				      const struct nx_address *address, unsigned *repeated, bool *free,
				      struct nx_error *error);

/*
 * lease_blocking.c: has a strategy that blocks to be asked first? Then the question is left open in
 * source->asking, and the transaction ends with NX_UNAVAILABLE. Needs no pool.
 */
enum nx_status nx_lease_foresee(struct nx_leases *leases, const struct nx_lease_source *source,
				const struct nx_lease_request *request, const struct nx_strategy *strategy,
				struct nx_error *error);
/* Take what it has proposed when it was asked. What is taken is asked once more, in the same way. */
enum nx_status nx_lease_by_blocking(const struct nx_choice *choice, const struct nx_strategy *strategy,
				    struct nx_address *out, struct nx_error *error);

/* lease_sequence.c: the same by the next address after the last one that the rules leave open. */
enum nx_status nx_lease_in_sequence(const struct nx_choice *choice, struct nx_address *out,
				    struct nx_error *error);

/* --- lease_kept.c: what is kept for certain devices ------------------------------------------- */

/*
 * The address that is kept for the device, by a reservation or by the quarantine of its key's last
 * one, made the device's: *got. Nothing is kept, or it is leased to another: false. NX_CONFLICT:
 * another one is reserved for it than the one that it wants (NULL: any).
 */
enum nx_status nx_lease_kept(const struct nx_choice *choice, const struct nx_address *wanted,
			     struct nx_address *out, bool *got, struct nx_error *error);
/* May the device have the address that it wants, which is not kept for it? NX_CONFLICT says why not. */
enum nx_status nx_lease_wanted_check(const struct nx_choice *choice, const struct nx_address *wanted,
				     struct nx_error *error);
/* Tell who finds the pool exhausted what of it is reserved or in quarantine. */
enum nx_status nx_lease_exhausted(const struct nx_choice *choice, struct nx_error *error);

#endif
