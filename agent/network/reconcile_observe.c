/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of the reconcile: what the tunnel and the routing tables hold. */
#include <stdlib.h>
#include <time.h>

#include "agent/network/reconcile_parts.h"
#include "base/address.h"
#include "base/memory.h"

/* Tunnels renew a session in use well within this time. */
#define HANDSHAKE_FRESH_SECONDS 180

static int prefix_order(const void *a, const void *b)
{
	return nx_prefix_compare(a, b);
}

static void applied_forget(struct nx_entry *entry)
{
	struct nx_applied *applied = &entry->applied;

	free(applied->prefixes);
	applied->prefixes = NULL;
	applied->prefix_count = 0;
	applied->present = false;
	applied->alive = false;
	/* What we told an entry that the tunnel has since lost says nothing any more; what we told
	 * one that it still has is restored when the peer is seen. */
	applied->adopted = !entry->told;
	entry->told = false;
}

static void peer_seen(void *context, const struct nx_peer *peer)
{
	struct nx_reconcile *reconcile = context;
	struct nx_entry *entry = nx_members_find_key(reconcile->members, peer->public_key);

	if (!entry) {
		nx_strangers_add(reconcile, peer->public_key);
		return;
	}
	struct nx_applied *applied = &entry->applied;

	if (applied->adopted || !peer->endpoint.port)
		applied->published = peer->endpoint;
	applied->keepalive_seconds = peer->keepalive_seconds;
	applied->prefixes =
		nx_realloc_array(applied->prefixes, peer->prefix_count + 1, sizeof(*applied->prefixes));
	for (size_t i = 0; i < peer->prefix_count; i++)
		applied->prefixes[i] = nx_prefix_mask(&peer->prefixes[i]);
	applied->prefix_count = peer->prefix_count;
	qsort(applied->prefixes, applied->prefix_count, sizeof(*applied->prefixes), prefix_order);
	entry->told = true;
}

static void status_seen(void *context, const struct nx_peer_status *status)
{
	const struct nx_reconcile *reconcile = context;
	struct nx_entry *entry = nx_members_find_key(reconcile->members, status->public_key);

	int64_t age = time(NULL) - status->last_handshake;

	/* One that is yet to come was before the clock was set back: nobody knows when. */
	if (entry)
		entry->applied.alive =
			status->last_handshake > 0 && age >= 0 && age < HANDSHAKE_FRESH_SECONDS;
}

static enum nx_status peers_observe(struct nx_reconcile *reconcile, struct nx_error *error)
{
	const struct nx_capabilities *capabilities = reconcile->capabilities;
	enum nx_status status;

	for (struct nx_entry *entry = nx_members_first(reconcile->members); entry;
	     entry = nx_members_next(entry))
		applied_forget(entry);
	nx_strangers_clear(reconcile);
	status = capabilities->driver->peers_observe(capabilities->driver_instance, peer_seen, reconcile,
						     error);
	if (status != NX_OK)
		return status;
	for (struct nx_entry *entry = nx_members_first(reconcile->members); entry;
	     entry = nx_members_next(entry)) {
		if (!entry->told)
			entry->applied.published = (struct nx_endpoint){0};
	}
	return capabilities->driver->peers_status(capabilities->driver_instance, status_seen, reconcile,
						  error);
}

static void route_seen(void *context, const struct nx_prefix *prefix)
{
	struct nx_reconcile *reconcile = context;
	struct nx_prefix masked = nx_prefix_mask(prefix);

	nx_claims_observe(&reconcile->claims, &masked, reconcile->routes_stale);
}

static enum nx_status routes_observe(struct nx_reconcile *reconcile, struct nx_error *error)
{
	nx_claims_clear(&reconcile->claims);
	for (size_t i = 0; i < reconcile->capabilities->family_count; i++) {
		const struct nx_family *family = &reconcile->capabilities->families[i];
		struct nx_error why = {0};
		enum nx_status status = family->ops->routes_observe(
			family->instance, reconcile->interface.index, route_seen, reconcile, &why);

		/* A family that the kernel does not have has no routes. */
		if (status == NX_OK || !nx_family_usable(family))
			continue;
		if (error)
			*error = why;
		return status;
	}
	reconcile->routes_stale = false;
	return NX_OK;
}

static enum nx_status interface_ensure(struct nx_reconcile *reconcile, struct nx_error *error)
{
	const struct nx_capabilities *capabilities = reconcile->capabilities;

	if (reconcile->up && capabilities->driver->interface_stands(capabilities->driver_instance))
		return NX_OK;
	return nx_reconcile_start(reconcile, error);
}

/* What failed half-way must not be left in lists: gone entries belong to nobody else. */
static void leftovers_drop(struct nx_reconcile *reconcile)
{
	struct nx_entry **link = &reconcile->dirty;

	while (*link) {
		struct nx_entry *entry = *link;

		if (!entry->gone) {
			link = &entry->next_dirty;
			continue;
		}
		*link = entry->next_dirty;
		nx_entry_free(entry);
	}
}

enum nx_status nx_reconcile_observe(struct nx_reconcile *reconcile, struct nx_error *error)
{
	enum nx_status status = interface_ensure(reconcile, error);

	if (status != NX_OK || !reconcile->planner.known)
		return status;
	reconcile->unsure = true;
	leftovers_drop(reconcile);
	/* The driver first: an interface that somebody else has taken gets no address of ours. */
	status = peers_observe(reconcile, error);
	if (status == NX_OK)
		status = nx_reconcile_addresses(reconcile, error);
	if (status == NX_OK && reconcile->refused)
		nx_planner_set_self(&reconcile->planner, NULL);
	if (status == NX_OK)
		status = routes_observe(reconcile, error);
	if (status != NX_OK)
		return status;
	reconcile->unsure = false;
	reconcile->survey = true;
	reconcile->replan_all = true;
	reconcile->route_conflict[0] = '\0'; /* each route that is missing is tried again */
	nx_reconcile_plan(reconcile);
	return nx_reconcile_tell(reconcile, error);
}

enum nx_status nx_reconcile_apply(struct nx_reconcile *reconcile, struct nx_error *error)
{
	if (!reconcile->planner.known)
		return NX_OK;
	if (reconcile->unsure || !reconcile->up)
		return nx_reconcile_observe(reconcile, error);
	if (!reconcile->dirty && !reconcile->survey && !reconcile->replan_all)
		return NX_OK;
	nx_reconcile_plan(reconcile);
	return nx_reconcile_tell(reconcile, error);
}

static void routes_down(struct nx_reconcile *reconcile)
{
	struct nx_error ignored;

	/* The interface takes its routes along; what is left are those of one that stays. */
	if (routes_observe(reconcile, &ignored) != NX_OK)
		return;
	for (size_t i = 0; i < reconcile->capabilities->family_count; i++) {
		const struct nx_family *family = &reconcile->capabilities->families[i];
		NX_CLEANUP(nx_route_changes_release) struct nx_route_changes changes = {0};

		nx_claims_routes(&reconcile->claims, family->ops->address_length, &changes);
		if (changes.remove_count)
			family->ops->routes_apply(family->instance, reconcile->interface.index,
						  &reconcile->planner.self_families[i].address, NULL, 0,
						  changes.remove, changes.remove_count, &ignored);
	}
	nx_claims_clear(&reconcile->claims);
}

void nx_reconcile_down(struct nx_reconcile *reconcile)
{
	const struct nx_capabilities *capabilities = reconcile->capabilities;

	if (reconcile->forward_told)
		capabilities->relay->forward(capabilities->relay_instance, reconcile->request.name, false,
					     NULL, 0, NULL);
	reconcile->forward_told = false;
	if (!reconcile->up)
		return;
	routes_down(reconcile);
	capabilities->driver->interface_down(capabilities->driver_instance);
	reconcile->up = false;
	reconcile->unsure = true;
}
