/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an organization's owner has said of a pool's addresses (the table of reservations), as it is
 * needed while addresses are chosen. Addresses that are kept for one device each are taken in the
 * pool; ranges stand beside it, so that they cost the same whatever they hold.
 * Inside of lease.h; writer thread.
 */
#ifndef NX_SERVER_IPAM_RULES_H
#define NX_SERVER_IPAM_RULES_H

#include "server/ipam/range.h"
#include "server/store/store.h"

struct nx_pool_entry;

/* The kinds of a reservation, as they are stored and as the API calls them. */
#define NX_RESERVED "reserved"	   /* a range of which nobody gets an address */
#define NX_ALLOCATION "allocation" /* a range that those get an address of who ask for none */
#define NX_STATIC "static"	   /* one address for one device */

/* Zero-initialized: there are none. */
struct nx_rules {
	bool limited;		 /* there are ranges: what asks for nothing gets what is open */
	struct nx_ranges open;	 /* what may be given then */
	struct nx_ranges closed; /* the reserved ranges */
	struct nx_address *kept; /* static reservations, in order: taken in the pool */
	size_t kept_count;
};

/*
 * Read the rules as this transaction sees them, and bring the pool, which is open, into agreement.
 * What of it is undone with the transaction is read again at the next use.
 */
enum nx_status nx_rules_read(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error);
/* The rules alone, for a prefix: no pool is concerned. *out is empty before. Any thread. */
enum nx_status nx_rules_load(struct nx_tx *tx, const char *organization_id, const char *family,
			     const struct nx_prefix *prefix, struct nx_rules *out, struct nx_error *error);
void nx_rules_clear(struct nx_rules *rules);

/* May one who asks for nothing get this address, as far as ranges are concerned? */
bool nx_rules_open(const struct nx_rules *rules, const struct nx_address *address);
/* The reserved range that it lies in; NULL: in none. */
const struct nx_range *nx_rules_closed(const struct nx_rules *rules, const struct nx_address *address);
/* Is it kept for a certain device? */
bool nx_rules_kept(const struct nx_rules *rules, const struct nx_address *address);

/*
 * The lowest address not below `from` that is open and free in the pool, once more from the
 * beginning when there is none up to the end. Skips whole ranges and what is taken. NX_EXHAUSTED:
 * there is none. NX_INVALID: `from` lies outside the prefix. The family has `pool_find`.
 */
enum nx_status nx_rules_find(const struct nx_pool_entry *entry, const struct nx_address *from,
			     struct nx_address *out, struct nx_error *error);

#endif
