/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of one organization in one family: which are taken, and which comes next (sequential
 * strategy).
 *
 * Addresses are given in ascending order from where the last one was given, past the end once more from the
 * beginning: one that was released is not given again at once, so that what still holds it in a cache does
 * not meet a stranger. The functions are those of `struct nx_ipam_ops`; their threads and errors stand there.
 */
#ifndef IPAM_POOL_H
#define IPAM_POOL_H

#include <nexodus/ipam.h>

#include "plugins/ipam/family.h"

/* What ipam_pool_allocate() does, for a person. */
#define IPAM_POOL_STRATEGY "sequential"

/* `prefix` has been judged; `family` and `services` outlive the pool. */
enum nx_status ipam_pool_open(const struct ipam_family *family, const struct nx_services *services,
			      const struct nx_prefix *prefix, struct nx_pool **out, struct nx_error *error);
void ipam_pool_close(struct nx_pool *pool);
enum nx_status ipam_pool_allocate(struct nx_pool *pool, const struct nx_lease_request *request,
				  struct nx_address *out, struct nx_error *error);
enum nx_status ipam_pool_take(struct nx_pool *pool, const struct nx_address *address, struct nx_error *error);
enum nx_status ipam_pool_give(struct nx_pool *pool, const struct nx_address *address);
enum nx_status ipam_pool_find(struct nx_pool *pool, const struct nx_address *from, struct nx_address *out,
			      struct nx_error *error);
void ipam_pool_usage(const struct nx_pool *pool, struct nx_pool_usage *out);

#endif
