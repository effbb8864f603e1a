/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quarantine: the time before an address of a deleted device is given to another one, as the
 * configuration of its family has it. The table is the truth; in the pools, what is in quarantine is
 * taken. Ends that have passed are tidied away by those who choose addresses.
 * Inside of lease.h; writer thread.
 */
#ifndef NX_SERVER_IPAM_QUARANTINE_H
#define NX_SERVER_IPAM_QUARANTINE_H

#include <nexodus/driver.h>

#include "server/ipam/pools.h"

/* An address in quarantine. */
struct nx_quarantine {
	struct nx_address address;
	char public_key[NX_PUBLIC_KEY_TEXT]; /* of the device that had it, and may have it again */
	int64_t ends_at;		     /* seconds since 1970 */
};

/* Put an address of a family there; its lease has ended. `public_key` is the device's. */
enum nx_status nx_quarantine_begin(struct nx_leases *leases, struct nx_tx *tx, const char *organization_id,
				   const struct nx_family *family, const char *address,
				   const char *public_key, struct nx_error *error);
/* How long addresses of a family stay there: seconds, 0: none does. */
int64_t nx_quarantine_seconds(const struct nx_family *family);

/* Take all that is in quarantine into a pool that is being filled. */
enum nx_status nx_quarantine_fill(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error);
/* Give back to the pool what is there no longer: some of it, when it is much. */
enum nx_status nx_quarantine_expire(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error);

/* NX_NOT_FOUND (error untouched): the address is not in quarantine. */
enum nx_status nx_quarantine_find(struct nx_tx *tx, const char *organization_id, const char *address,
				  struct nx_quarantine *out, struct nx_error *error);
/* The address that a key had last in the pool's prefix. NX_NOT_FOUND (error untouched): none. */
enum nx_status nx_quarantine_of(struct nx_tx *tx, const struct nx_pool_entry *entry, const char *public_key,
				struct nx_quarantine *out, struct nx_error *error);
/* End it: the pool is not told. */
enum nx_status nx_quarantine_end(struct nx_tx *tx, const char *organization_id, const char *address,
				 struct nx_error *error);
/* The organization has left other prefixes of the family for this one: end those of addresses outside of it,
 * which nobody is given any more. */
enum nx_status nx_quarantine_leave(struct nx_tx *tx, const char *organization_id,
				   const struct nx_family *family, const struct nx_prefix *prefix,
				   struct nx_error *error);

#endif
