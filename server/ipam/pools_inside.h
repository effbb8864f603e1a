/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of pools.h; writer thread. */
#ifndef NX_SERVER_IPAM_POOLS_INSIDE_H
#define NX_SERVER_IPAM_POOLS_INSIDE_H

#include "server/ipam/pools.h"

/* --- pool_entries.c --- */

/* NULL: there is none. `second`: of the organization's other prefix. */
struct nx_pool_entry *nx_pool_entry_find(const struct nx_leases *leases, const char *family, bool second,
					 const char *organization_id);
/* A new one, with its pool closed. Those that were used the longest time ago make room for it. */
struct nx_pool_entry *nx_pool_entry_make(struct nx_leases *leases, const struct nx_lease_source *source,
					 const char *organization_id);
/* It is used now. */
void nx_pool_entry_touch(struct nx_leases *leases, struct nx_pool_entry *entry);
/* No hook may point here. */
void nx_pool_entry_free(struct nx_leases *leases, struct nx_pool_entry *entry);

/* --- pool_hooks.c --- */

enum nx_pool_deed { NX_POOL_READ, NX_POOL_RULES_READ, NX_POOL_TAKEN, NX_POOL_CLAIMED, NX_POOL_GIVEN };

/* The transaction has done that to the pool. `address` may be NULL. */
void nx_pool_hook_add(struct nx_tx *tx, struct nx_pool_entry *entry, enum nx_pool_deed deed,
		      const struct nx_address *address);

#endif
