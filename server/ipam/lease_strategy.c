/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a strategy for an address: what it may look at, and what is made of what it answers. */
#include <stdio.h>

#include "base/address.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/strategies.h"

/* What went wrong while the strategy looked at the pool: not its fault. */
struct trouble {
	enum nx_status status;
	struct nx_error error;
};

struct nx_strategy_view {
	const struct nx_choice *choice;
	struct trouble *trouble;
};

/* --- what a strategy may look at --------------------------------------------------------- */

static bool view_fits(const struct nx_strategy_view *view, const struct nx_address *address)
{
	const struct nx_pool_entry *entry = view->choice->entry;

	return view->trouble->status == NX_OK && address->length == entry->family->ops->address_length &&
	       nx_prefix_contains(&entry->prefix, address);
}

/* The one that the device has already, and may keep. */
static bool own(const struct nx_choice *choice, const struct nx_address *address)
{
	return choice->source->own && nx_address_compare(address, choice->source->own) == 0;
}

static bool view_is_free(const struct nx_strategy_view *view, const struct nx_address *address)
{
	const struct nx_pool_entry *entry = view->choice->entry;
	struct trouble *trouble = view->trouble;
	struct nx_error why = {0};
	enum nx_status verdict;

	if (!view_fits(view, address) || !nx_rules_open(&entry->rules, address))
		return false;
	if (own(view->choice, address))
		return true;
	trouble->status = nx_lease_take(view->choice, address, &verdict, &why, &trouble->error);
	if (trouble->status != NX_OK || verdict != NX_OK)
		return false;
	entry->family->ops->pool_give(entry->pool, address);
	return true;
}

/* What is no answer to that is the trouble of the family's plugin, and not of the strategy that asks. */
static enum nx_status next_judge(const struct nx_strategy_view *view, enum nx_status status,
				 const struct nx_address *found, const struct nx_error *why)
{
	const struct nx_family *family = view->choice->entry->family;
	struct nx_strategies *strategies = view->choice->leases->server->strategies;
	struct trouble *trouble = view->trouble;
	const struct nx_strategy own = nx_strategy_own(family);

	if (status == NX_OK)
		trouble->status =
			nx_lease_proposal_check(view->choice, family->plugin, found, &trouble->error);
	else if (status != NX_EXHAUSTED)
		trouble->status = nx_lease_no_proposal(family->plugin, why, &trouble->error);
	if (trouble->status != NX_OK)
		nx_strategies_wrong(strategies, &own);
	else if (status == NX_OK)
		nx_strategies_given(strategies, &own);
	return trouble->status == NX_OK ? status : trouble->status;
}

static enum nx_status view_next_free(const struct nx_strategy_view *view, const struct nx_address *from,
				     struct nx_address *out, struct nx_error *error)
{
	const struct nx_pool_entry *entry = view->choice->entry;
	struct nx_error why = {0};
	enum nx_status status;

	if (view->trouble->status != NX_OK)
		return nx_fail(error, NX_INTERNAL, NULL, "%s", view->trouble->error.message);
	if (!view_fits(view, from))
		return nx_fail(error, NX_INVALID, NULL, "it looks for addresses outside the prefix");
	if (entry->rules.limited)
		status = nx_rules_find(entry, from, out, &why);
	else
		status = entry->family->ops->pool_find(entry->pool, from, out, &why);
	status = next_judge(view, status, out, &why);
	if (status == NX_OK)
		return NX_OK;
	return nx_fail(error, status, NULL, "%s",
		       view->trouble->status == NX_OK ? why.message : view->trouble->error.message);
}

/* --- asking it --------------------------------------------------------------------------- */

enum nx_status nx_lease_no_proposal(const char *plugin, const struct nx_error *why, struct nx_error *error)
{
	return nx_fail(error, NX_INTERNAL, NULL, "plugin %s misbehaves: it proposes no address: %s", plugin,
		       why->message[0] ? why->message : "it does not say why");
}

enum nx_status nx_lease_nothing(const struct nx_choice *choice, const struct nx_strategy *strategy,
				enum nx_status status, const struct nx_error *why, struct nx_error *error)
{
	if (status == NX_EXHAUSTED && why->message[0])
		return nx_lease_refuse(choice, NX_EXHAUSTED, why, error);
	if (status == NX_EXHAUSTED)
		return nx_fail(error, NX_EXHAUSTED, NULL, "plugin %s has no address to propose",
			       strategy->plugin);
	nx_strategies_wrong(choice->leases->server->strategies, strategy);
	return nx_lease_no_proposal(strategy->plugin, why, error);
}

/* Call it, and count what comes of it. */
static enum nx_status call(const struct nx_choice *choice, const struct nx_strategy *strategy,
			   const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *why)
{
	struct nx_strategies *strategies = choice->leases->server->strategies;
	uint64_t begun = nx_strategies_microseconds();

	nx_strategies_calling(strategies, strategy);
	enum nx_status status = strategy->ops->choose(strategy->instance, request, out, why);
	nx_strategies_measured(strategies, strategy, nx_strategy_result(status),
			       nx_strategies_microseconds() - begun);
	return status;
}

/* One proposal, of which it is sure that it lies in the prefix. */
static enum nx_status ask(const struct nx_choice *choice, const struct nx_strategy *strategy,
			  unsigned attempt, struct nx_address *out, struct nx_error *error)
{
	const struct nx_pool_entry *entry = choice->entry;
	struct trouble trouble = {.status = NX_OK};
	const struct nx_strategy_view view = {.choice = choice, .trouble = &trouble};
	const struct nx_prefix prefix = entry->prefix;
	const struct nx_address last = entry->last;
	const struct nx_strategy_request request = {
		.size = sizeof(request),
		.family = entry->family->key,
		.prefix = &prefix,
		.device = choice->request,
		.attempt = attempt,
		.last = last.length ? &last : NULL,
		.view = &view,
		.is_free = view_is_free,
		.next_free = view_next_free,
	};
	struct nx_error why = {0};
	enum nx_status status;

	*out = (struct nx_address){0};
	status = call(choice, strategy, &request, out, &why);
	if (trouble.status != NX_OK) {
		if (error)
			*error = trouble.error;
		return trouble.status;
	}
	if (status != NX_OK)
		return nx_lease_nothing(choice, strategy, status, &why, error);
	status = nx_lease_proposal_check(choice, strategy->plugin, out, error);
	if (status != NX_OK)
		nx_strategies_rejected(choice->leases->server->strategies, strategy, NX_STRATEGY_UNFIT);
	return status;
}

/* --- what is made of it -------------------------------------------------------------------- */

enum nx_status nx_lease_taken_again(const struct nx_choice *choice, const struct nx_strategy *strategy,
				    const struct nx_address *address, struct nx_error *error)
{
	char what[64];

	snprintf(what, sizeof(what), "is taken like all %d that it has proposed", NX_STRATEGY_ATTEMPTS);
	nx_strategies_wrong(choice->leases->server->strategies, strategy);
	return nx_lease_misbehaves(strategy->plugin, address, what, error);
}

enum nx_status nx_lease_proposal_take(const struct nx_choice *choice, const struct nx_strategy *strategy,
				      const struct nx_address *address, unsigned *repeated, bool *free,
				      struct nx_error *error)
{
	struct nx_strategies *strategies = choice->leases->server->strategies;
	struct nx_pool_entry *entry = choice->entry;
	struct nx_error why = {0};
	bool taken = false;
	enum nx_status verdict = NX_CONFLICT, status = NX_OK;

	*free = nx_rules_open(&entry->rules, address) && own(choice, address);
	if (*free)
		return NX_OK;
	/* What lies in a reserved range counts as taken. */
	if (nx_rules_open(&entry->rules, address))
		status = nx_lease_take(choice, address, &verdict, &why, error);
	if (status != NX_OK)
		return status;
	if (verdict == NX_CONFLICT || verdict == NX_INVALID)
		nx_strategies_rejected(strategies, strategy,
				       verdict == NX_CONFLICT ? NX_STRATEGY_TAKEN : NX_STRATEGY_UNFIT);
	if (verdict == NX_CONFLICT)
		return ++*repeated < NX_STRATEGY_ATTEMPTS
			       ? NX_OK
			       : nx_lease_taken_again(choice, strategy, address, error);
	if (verdict == NX_INVALID)
		return nx_lease_misbehaves(strategy->plugin, address, "is reserved", error);
	if (verdict != NX_OK)
		return nx_lease_refuse(choice, verdict, &why, error);
	if (nx_pool_doubtful(choice->tx, entry))
		status = nx_lease_exists(choice, address, &taken, error);
	*free = status == NX_OK && !taken;
	if (*free) {
		nx_pool_taken(choice->tx, entry, address);
		nx_strategies_given(strategies, strategy);
	} else if (status != NX_OK) {
		entry->family->ops->pool_give(entry->pool, address);
	}
	return status;
}

/* Until a proposal is free, or there were too many. */
static enum nx_status ask_on(const struct nx_choice *choice, const struct nx_strategy *strategy,
			     struct nx_address *out, bool *free, struct nx_error *error)
{
	enum nx_status status = NX_OK;
	unsigned repeated = 0;

	for (unsigned i = 0; i < NX_LEASE_PROBES && !*free && status == NX_OK; i++) {
		status = ask(choice, strategy, i, out, error);
		if (status == NX_OK)
			status = nx_lease_proposal_take(choice, strategy, out, &repeated, free, error);
	}
	return status;
}

enum nx_status nx_lease_by_strategy(const struct nx_choice *choice, const struct nx_strategy *strategy,
				    struct nx_address *out, struct nx_error *error)
{
	struct nx_pool_entry *entry = choice->entry;
	struct nx_address found = {0};
	bool free = false;
	enum nx_status status = ask_on(choice, strategy, &found, &free, error);

	/* The pool may be behind the table: others end leases, and make them. */
	if ((status == NX_OK && !free) ||
	    (status == NX_EXHAUSTED && nx_pool_may_be_stale(choice->tx, entry))) {
		status = nx_pool_read(choice->tx, entry, error);
		if (status == NX_OK)
			status = ask_on(choice, strategy, &found, &free, error);
		if (status == NX_EXHAUSTED)
			nx_pool_exhausted(entry);
	}
	if (status == NX_OK && !free)
		return nx_lease_taken_again(choice, strategy, &found, error);
	if (status == NX_OK)
		*out = found;
	return status;
}
