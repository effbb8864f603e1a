/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of a pool's own strategy, which knows no ranges: the next address after the last one
 * that was given so, of those that the rules leave open.
 */
#include "base/address.h"
#include "server/ipam/lease_inside.h"

static enum nx_status choose(void *instance, const struct nx_strategy_request *request,
			     struct nx_address *out, struct nx_error *error)
{
	const struct nx_pool_entry *entry = instance;
	struct nx_address from = entry->next;

	if (!nx_prefix_contains(request->prefix, &from))
		from = request->prefix->address;
	return request->next_free(request->view, &from, out, error);
}

static const struct nx_strategy_ops ops = {.size = sizeof(ops), .label = "in sequence", .choose = choose};

enum nx_status nx_lease_in_sequence(const struct nx_choice *choice, struct nx_address *out,
				    struct nx_error *error)
{
	struct nx_pool_entry *entry = choice->entry;
	const struct nx_family *family = entry->family;
	struct nx_strategy strategy = nx_strategy_own(family);
	enum nx_status status;

	if (!family->ops->pool_find)
		return nx_fail(
			error, NX_UNSUPPORTED, NULL,
			"the organization has ranges of %s addresses, and the family's plugin does not "
			"say what is free (pool_find): release them, or update the plugin",
			family->ops->label);
	strategy.ops = &ops;
	strategy.instance = entry;
	status = nx_lease_by_strategy(choice, &strategy, out, error);
	if (status == NX_OK && !nx_address_next(out, &entry->next))
		entry->next = (struct nx_address){0};
	return status;
}
