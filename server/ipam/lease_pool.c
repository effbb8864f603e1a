/* SPDX-License-Identifier: Apache-2.0 */
/* An address that the pool proposes by its own strategy. */
#include "server/ipam/lease_inside.h"
#include "server/ipam/strategies.h"

/* Call it, and count what comes of it. */
static enum nx_status allocate(const struct nx_choice *choice, const struct nx_strategy *own,
			       struct nx_address *out, struct nx_error *why)
{
	struct nx_strategies *strategies = choice->leases->server->strategies;
	const struct nx_pool_entry *entry = choice->entry;
	uint64_t begun = nx_strategies_microseconds();

	*out = (struct nx_address){0};
	nx_strategies_calling(strategies, own);
	enum nx_status status = entry->family->ops->pool_allocate(entry->pool, choice->request, out, why);
	nx_strategies_measured(strategies, own, nx_strategy_result(status),
			       nx_strategies_microseconds() - begun);
	return status;
}

/*
 * One proposal, checked. A pool that was contradicted by the table once is asked about each
 * proposal; what the table has stays taken in the pool, and *free is false.
 */
static enum nx_status propose(const struct nx_choice *choice, const struct nx_strategy *own,
			      struct nx_address *out, bool *free, struct nx_error *error)
{
	struct nx_strategies *strategies = choice->leases->server->strategies;
	struct nx_pool_entry *entry = choice->entry;
	struct nx_error why = {0};
	enum nx_status status = allocate(choice, own, out, &why);
	bool taken = false;

	if (status != NX_OK)
		return nx_lease_nothing(choice, own, status, &why, error);
	status = nx_lease_proposal_check(choice, own->plugin, out, error);
	if (status != NX_OK)
		nx_strategies_rejected(strategies, own, NX_STRATEGY_UNFIT);
	else if (nx_pool_doubtful(choice->tx, entry))
		status = nx_lease_exists(choice, out, &taken, error);
	*free = status == NX_OK && !taken;
	if (*free) {
		nx_pool_taken(choice->tx, entry, out);
		nx_strategies_given(strategies, own);
	} else if (taken) {
		nx_strategies_rejected(strategies, own, NX_STRATEGY_TAKEN);
	} else {
		entry->family->ops->pool_give(entry->pool, out);
	}
	return status;
}

enum nx_status nx_lease_by_pool(const struct nx_choice *choice, struct nx_address *out,
				struct nx_error *error)
{
	struct nx_pool_entry *entry = choice->entry;
	const struct nx_strategy own = nx_strategy_own(entry->family);
	enum nx_status status = NX_OK;
	bool free = false;

	for (int i = 0; i < NX_LEASE_PROBES && !free && status == NX_OK; i++)
		status = propose(choice, &own, out, &free, error);
	if (free || (status != NX_OK && !(status == NX_EXHAUSTED && nx_pool_may_be_stale(choice->tx, entry))))
		return status;
	/* The pool is behind the table by more than a few leases. */
	status = nx_pool_read(choice->tx, entry, error);
	if (status == NX_OK)
		status = propose(choice, &own, out, &free, error);
	if (status == NX_EXHAUSTED)
		nx_pool_exhausted(entry);
	if (status != NX_OK || free)
		return status;
	nx_strategies_wrong(choice->leases->server->strategies, &own);
	return nx_lease_misbehaves(own.plugin, out, "is taken, and has been told so", error);
}
