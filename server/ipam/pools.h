/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open pools, by organization and family, and what transactions did to them.
 * Inside of lease.h; writer thread.
 */
#ifndef NX_SERVER_IPAM_POOLS_H
#define NX_SERVER_IPAM_POOLS_H

#include "server/ipam/lease.h"
#include "server/ipam/rules.h"
#include "server/resources/index.h"

struct nx_pool_entry {
	struct nx_index_entry by_key; /* "<family> <organization>", or "<family>/second <organization>" */
	struct nx_pool_entry *newer, *older; /* by last use */
	const struct nx_family *family;
	struct nx_pool *pool; /* NULL: to be opened and read at the next use */
	struct nx_prefix prefix;
	struct nx_address last; /* taken by a transaction; length 0: none yet */
	unsigned generation;	/* counts openings: what was done to an earlier one needs no undoing */
	unsigned pending;	/* hooks of transactions under way that point here */
	bool contradicted;	/* the table has known better: others write to it as well */
	bool shared;	      /* the organization has leases in another prefix too, and another pool for it */
	int64_t exhausted_at; /* seconds of CLOCK_MONOTONIC: read anew, and still without an address; 0: never
			       */
	struct nx_rules rules;
	int64_t changed;	/* revision of the organization that the rules are of; -1: read them anew */
	struct nx_address next; /* where the search goes on that goes by the rules; length 0: begin */
	/* Seconds since 1970. */
	int64_t quarantine_due;	   /* the earliest end of a quarantine that the pool may hold; 0: none */
	int64_t quarantined_until; /* the last end of one in the organization */
	char key[];
};

struct nx_leases {
	struct nx_server *server;
	struct nx_index pools;
	struct nx_pool_entry *newest, *oldest;
};

/* The pool, opened and filled from the table when it is not open. */
enum nx_status nx_pool_open(struct nx_leases *leases, struct nx_tx *tx, const struct nx_lease_source *source,
			    const char *organization_id, struct nx_pool_entry **out, struct nx_error *error);
/* What was given last in a pool over the source's prefix; NULL: nothing is known. It is not opened for that.
 */
const struct nx_address *nx_pool_last(const struct nx_leases *leases, const struct nx_lease_source *source,
				      const char *organization_id);
/* Is it known, without opening the pool, that no address is kept for certain devices? */
bool nx_pool_keeps_nothing(const struct nx_leases *leases, const struct nx_lease_source *source,
			   const char *organization_id);
/* Close it and read it anew, as this transaction sees the table. */
enum nx_status nx_pool_read(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error);
/*
 * Before an address is chosen: bring rules and quarantines up to what the organization is now. The
 * pool is open.
 */
enum nx_status nx_pool_prepare(struct nx_tx *tx, struct nx_pool_entry *entry,
			       const struct nx_lease_source *source, struct nx_error *error);
const char *nx_pool_organization(const struct nx_pool_entry *entry);
/* May others, other servers or the other prefix's pool, have ended leases since it was read? Not asked again
 * for a moment when it was read anew in vain. */
bool nx_pool_may_be_stale(const struct nx_tx *tx, const struct nx_pool_entry *entry);
void nx_pool_exhausted(struct nx_pool_entry *entry);

/* May the table hold what the pool has for free? Then each proposal is looked up. Others write to it too:
 * other servers, or the pool of the organization's other prefix. */
bool nx_pool_doubtful(const struct nx_tx *tx, const struct nx_pool_entry *entry);

/* The transaction has taken an address from the pool: undo it with the transaction. */
void nx_pool_taken(struct nx_tx *tx, struct nx_pool_entry *entry, const struct nx_address *address);
/* The transaction has given a device an address that is taken in the pool already, being kept for it:
 * it stays so, whatever becomes of the transaction. */
void nx_pool_claimed(struct nx_tx *tx, struct nx_pool_entry *entry, const struct nx_address *address);
/* The transaction has ended a lease, or a quarantine: give the address back when it is committed, unless
 * the pool's rules keep it then. */
void nx_pool_given(struct nx_leases *leases, struct nx_tx *tx, const char *family,
		   const char *organization_id, const struct nx_address *address);
void nx_pool_contradicted(struct nx_leases *leases, const struct nx_family *family,
			  const char *organization_id);
/* The transaction has read the rules: they are read anew when it is undone. */
void nx_pool_ruled(struct nx_tx *tx, struct nx_pool_entry *entry);
/* An address goes into quarantine instead: look for ends of quarantines from then on. */
void nx_pool_quarantined(struct nx_leases *leases, const char *family, const char *organization_id,
			 int64_t ends_at);
/* Close it: it is read anew at its next use. */
void nx_pool_drop(struct nx_pool_entry *entry);
/* The table was changed past the pools of an organization: read them anew at their next use. */
void nx_pools_forget(struct nx_leases *leases, const char *organization_id);
/* The transaction has deleted the organization: drop its pools when it is committed. */
void nx_pools_end(struct nx_leases *leases, struct nx_tx *tx, const char *organization_id);

#endif
