/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server capability "ipam/<family>": the addresses of one family.
 *
 * The table of leases in the store, unique on (organization, address), is the
 * truth; a pool is an index over it in memory. The core opens an organization's
 * pool when it is first needed, takes every stored lease into it, and from then
 * on tells it of every lease made or ended. A pool proposes; the core checks
 * that the proposal lies in the prefix, the table decides. When a transaction
 * fails the core undoes its calls (`pool_take` by `pool_give` and the reverse).
 *
 * A pool proposes by a strategy of its own, or by one of the "strategy/…" plugins
 * (strategy.h), for which it only has to say what is free. Where an organization has
 * reserved ranges, or ranges to give addresses from, the core looks for the next free
 * address in them by `pool_find` in place of the pool's own strategy. What is kept for
 * a device or in quarantine is taken in the pool like a lease.
 *
 * Threads: `prefix_check`, `prefix_default`, `strategy_default`, `quarantine`,
 * `network_check` and `pool_open` run on any thread and must not write shared state. The functions
 * of one pool never run two at a time; those of two pools may.
 *
 * None of these may block on the outside.
 */
#ifndef NEXODUS_IPAM_H
#define NEXODUS_IPAM_H

#include <nexodus/address.h>
#include <nexodus/error.h>

struct nx_pool; /* the plugin's own */

/* What is known of the device that gets the address. */
struct nx_lease_request {
	size_t size;
	const char *organization_id;
	const char *device_id;
	const char *public_key; /* as text, the driver's form */
	const char *hostname;
};

struct nx_pool_usage {
	size_t size;
	uint64_t capacity; /* addresses that may be given; UINT64_MAX when more */
	uint64_t taken;
};

struct nx_ipam_ops {
	size_t size;
	const char *label;	/* for messages: "IPv4", "IPv6" */
	uint8_t address_length; /* bytes of an address of this family */

	/* The prefix of an organization that names none, from the configuration. */
	enum nx_status (*prefix_default)(void *instance, struct nx_prefix *out, struct nx_error *error);
	/*
	 * Parse and judge a prefix that an operator wrote for an organization.
	 * NX_INVALID with a message that says what would be right; `error->field` is
	 * left to the caller. Host bits set are refused. Output in masked form.
	 */
	enum nx_status (*prefix_check)(void *instance, const char *text, struct nx_prefix *out,
				       struct nx_error *error);

	/*
	 * May a device say that this network, masked, is behind it? NX_INVALID says why
	 * not: every other host would send there what is meant for its own link.
	 */
	enum nx_status (*network_check)(void *instance, const struct nx_prefix *network,
					struct nx_error *error);

	/* Make an empty pool over `prefix`. */
	enum nx_status (*pool_open)(void *instance, const struct nx_prefix *prefix, struct nx_pool **out,
				    struct nx_error *error);
	/* NULL is fine. */
	void (*pool_close)(struct nx_pool *pool);
	/* Choose a free address and take it. NX_EXHAUSTED when there is none. */
	enum nx_status (*pool_allocate)(struct nx_pool *pool, const struct nx_lease_request *request,
					struct nx_address *out, struct nx_error *error);
	/*
	 * Take this very address: one a client asked for, or a stored lease.
	 * NX_INVALID: outside the prefix, or reserved. NX_CONFLICT: taken.
	 */
	enum nx_status (*pool_take)(struct nx_pool *pool, const struct nx_address *address,
				    struct nx_error *error);
	/* Give it back. NX_NOT_FOUND when it was not taken: nothing changes. */
	enum nx_status (*pool_give)(struct nx_pool *pool, const struct nx_address *address);
	void (*pool_usage)(const struct nx_pool *pool, struct nx_pool_usage *out);

	/* --- since 1.1; a family without them gives addresses by its own strategy alone --- */

	/* What `pool_allocate` does, by the name that configuration and organizations call it. */
	const char *strategy;
	/* The configured strategy of organizations that name none; "" is the pool's own. Lives as
	 * long as the instance. */
	const char *(*strategy_default)(void *instance);
	/*
	 * The lowest free address not below `from`, once more from the beginning when there is none up
	 * to the end. It is not taken. NX_EXHAUSTED, as `pool_allocate` has it, when there is none;
	 * NX_INVALID: `from` lies outside the prefix.
	 */
	enum nx_status (*pool_find)(struct nx_pool *pool, const struct nx_address *from,
				    struct nx_address *out, struct nx_error *error);
	/*
	 * Seconds before an address of a deleted device is given to another one, from the
	 * configuration; 0: none. The core sees to it.
	 */
	int64_t (*quarantine)(void *instance);
};

#endif
