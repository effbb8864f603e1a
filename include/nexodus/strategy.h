/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server capability "strategy/<name>": which address of a pool a device gets.
 *
 * A strategy knows no family: it sees a prefix, and addresses by the number of
 * their bytes. It only proposes. The pool of the "ipam/…" plugin says what is
 * reserved and taken, and the table of leases decides. What a strategy answers
 * is checked: an address of another length, outside the prefix or reserved ends
 * the request with an error that names the plugin, and so does one that is taken
 * when it was proposed NX_STRATEGY_ATTEMPTS times. Nothing else is harmed.
 *
 * Strategies are chosen by name: by an operator for a family, in the family
 * plugin's configuration, and by the owner of an organization. A change of
 * strategy leaves the addresses alone that were given before.
 *
 * Threads: `choose` runs on the server's writer thread, never two at a time. All
 * other writes wait for it: it must not block, and must come to an end in a time
 * that does not grow with the pool. It cannot be interrupted; a call of more than
 * 100 ms is logged and counted. It may be called from the end of `load` to `stop`.
 *
 * A strategy that has to wait for something outside says so (NX_STRATEGY_BLOCKING,
 * since 1.2). It is asked before the transaction, on threads that the server keeps
 * for it alone, a few at a time: `choose` must be fit for that, and must not read the
 * configuration (a reload may run meanwhile; keep a copy). It sees no pool: there is
 * no `is_free` and no `next_free`. What it proposes is judged inside the transaction;
 * if it is taken by then, it is asked again. A call that has not come back in time
 * costs its device a "try again later", and is left to itself: its thread is lost
 * until it returns, and when all of them are, the strategy is not asked any more.
 */
#ifndef NEXODUS_STRATEGY_H
#define NEXODUS_STRATEGY_H

#include <nexodus/address.h>
#include <nexodus/error.h>
#include <nexodus/ipam.h>

/* Taken addresses that a strategy may propose for one device before it is given up. */
#define NX_STRATEGY_ATTEMPTS 8

struct nx_strategy_view; /* the host's own: the pool as it is while `choose` runs */

/* Valid for the call only. */
struct nx_strategy_request {
	size_t size;
	const char *family;		/* key of the capability: "inet"; for messages */
	const struct nx_prefix *prefix; /* masked; every address proposed lies in it */
	const struct nx_lease_request *device;
	/* Proposals for this device that were taken already. */
	unsigned attempt;
	/* What was given or asked for last in this pool by this process; NULL: nothing that it knows of. */
	const struct nx_address *last;

	const struct nx_strategy_view *view;
	/* May this address be given? False as well for what is reserved or lies outside. */
	bool (*is_free)(const struct nx_strategy_view *view, const struct nx_address *address);
	/*
	 * The lowest address not below `from` that may be given; past the end, once more from the
	 * prefix's beginning. It is not taken by that. NX_EXHAUSTED, with the pool's message, when
	 * there is none: hand that on. NX_INVALID: `from` does not lie in the prefix.
	 */
	enum nx_status (*next_free)(const struct nx_strategy_view *view, const struct nx_address *from,
				    struct nx_address *out, struct nx_error *error);

	/* --- since 1.2, for a blocking strategy, whose `is_free` and `next_free` are NULL --- */

	/* How long an answer is waited for, from the call on. */
	uint32_t milliseconds;
	/* Does anybody wait for the answer still? When not, return soon, with whatever. */
	bool (*is_awaited)(const struct nx_strategy_view *view);
};

/* For `flags`: it may block, and has to be asked where that harms nobody. */
#define NX_STRATEGY_BLOCKING (1u << 0)

struct nx_strategy_ops {
	size_t size;
	const char *label; /* for messages: "random" */

	/*
	 * Propose an address. NX_EXHAUSTED: there is none. NX_UNAVAILABLE, of a blocking strategy: what
	 * it depends on is away, and the device may try again. All else counts as the plugin's fault.
	 */
	enum nx_status (*choose)(void *instance, const struct nx_strategy_request *request,
				 struct nx_address *out, struct nx_error *error);

	uint32_t flags; /* since 1.2: NX_STRATEGY_… */
};

#endif
