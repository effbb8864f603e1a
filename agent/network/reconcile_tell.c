/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of the reconcile: peers, routes, forwarding. */
#include "agent/network/reconcile_parts.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

void nx_strangers_add(struct nx_reconcile *reconcile, const char *public_key)
{
	if (reconcile->stranger_count == reconcile->stranger_room) {
		reconcile->stranger_room = reconcile->stranger_room ? 2 * reconcile->stranger_room : 8;
		reconcile->strangers =
			nx_realloc_array(reconcile->strangers, reconcile->stranger_room, sizeof(char *));
	}
	reconcile->strangers[reconcile->stranger_count++] = nx_strdup(public_key);
}

void nx_strangers_clear(struct nx_reconcile *reconcile)
{
	for (size_t i = 0; i < reconcile->stranger_count; i++)
		free(reconcile->strangers[i]);
	reconcile->stranger_count = 0;
}

/* --- peers ---------------------------------------------------------------------------- */

static bool entry_leaves(const struct nx_entry *entry)
{
	return entry->told && (!entry->applied.present || entry->renew);
}

static bool entry_comes(const struct nx_entry *entry)
{
	return entry->applied.present && (entry->tell || entry->renew || !entry->told);
}

/* A peer that loses nothing need not be without anything for a moment. */
static enum nx_peer_action entry_action(const struct nx_capabilities *capabilities,
					const struct nx_entry *entry)
{
	bool stands = entry->told && !entry->renew && !entry->loses;

	return stands && capabilities->driver->extends ? NX_PEER_EXTEND : NX_PEER_SET;
}

static struct nx_peer_change entry_change(const struct nx_capabilities *capabilities,
					  const struct nx_entry *entry)
{
	const struct nx_applied *applied = &entry->applied;

	return (struct nx_peer_change){
		.action = entry_action(capabilities, entry),
		.set_endpoint =
			(entry->tell_endpoint || entry->renew || !entry->told) && applied->published.port,
		.peer =
			{
				.public_key = entry->record->member.public_key,
				.endpoint = applied->published,
				.keepalive_seconds = entry->way.yields ? 0 : applied->keepalive_seconds,
				.prefixes = applied->prefixes,
				.prefix_count = applied->prefix_count,
			},
	};
}

static struct nx_peer_change key_removal(const char *public_key)
{
	return (struct nx_peer_change){.action = NX_PEER_REMOVE, .peer.public_key = public_key};
}

/* Removals first: a key or a prefix may come back with another device. */
static struct nx_peer_change *changes_collect(const struct nx_reconcile *reconcile, size_t *count)
{
	/* What is renewed both leaves and comes. */
	struct nx_peer_change *changes =
		nx_alloc_array(reconcile->stranger_count + 2 * reconcile->changed_count, sizeof(*changes));

	*count = 0;
	for (size_t i = 0; i < reconcile->stranger_count; i++)
		changes[(*count)++] = key_removal(reconcile->strangers[i]);
	for (size_t i = 0; i < reconcile->changed_count; i++) {
		if (entry_leaves(reconcile->changed[i]))
			changes[(*count)++] = key_removal(reconcile->changed[i]->record->member.public_key);
	}
	for (size_t i = 0; i < reconcile->changed_count; i++) {
		if (entry_comes(reconcile->changed[i]))
			changes[(*count)++] = entry_change(reconcile->capabilities, reconcile->changed[i]);
	}
	return changes;
}

/* The changes are told, or will be found out by looking: forget them. */
static void changed_settle(struct nx_reconcile *reconcile)
{
	for (size_t i = 0; i < reconcile->changed_count; i++) {
		struct nx_entry *entry = reconcile->changed[i];

		entry->told = entry->applied.present;
		entry->listed = entry->tell = entry->tell_endpoint = entry->renew = entry->loses = false;
		if (entry->gone)
			nx_entry_free(entry);
	}
	reconcile->changed_count = 0;
	nx_strangers_clear(reconcile);
}

/* A driver's call is bounded in time, and so in what it may be asked for. */
#define CHANGES_AT_ONCE 1024u

static enum nx_status changes_apply(const struct nx_capabilities *capabilities,
				    const struct nx_peer_change *changes, size_t count,
				    struct nx_error *error)
{
	return capabilities->driver->peers_apply(capabilities->driver_instance, changes, count, error);
}

/* One bad record must not keep the others from their peers. */
static enum nx_status changes_apply_each(const struct nx_capabilities *capabilities,
					 const struct nx_peer_change *changes, size_t count,
					 struct nx_error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct nx_error why = {0};
		enum nx_status status = changes_apply(capabilities, &changes[i], 1, &why);

		if (status == NX_INVALID)
			nx_log(NX_LOG_WARNING, "the driver does not take a peer", "public_key",
			       changes[i].peer.public_key, "reason", why.message, NULL);
		else if (status != NX_OK)
			return nx_fail(error, status, why.field, "%s", why.message);
	}
	return NX_OK;
}

static enum nx_status changes_apply_all(const struct nx_capabilities *capabilities,
					const struct nx_peer_change *changes, size_t count,
					struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t done = 0; done < count && status == NX_OK; done += CHANGES_AT_ONCE) {
		size_t some = count - done < CHANGES_AT_ONCE ? count - done : CHANGES_AT_ONCE;
		struct nx_error why = {0};

		status = changes_apply(capabilities, changes + done, some, &why);
		if (status == NX_INVALID)
			status = changes_apply_each(capabilities, changes + done, some, error);
		else if (status != NX_OK)
			nx_fail(error, status, why.field, "%s", why.message);
	}
	return status;
}

static enum nx_status peers_tell(struct nx_reconcile *reconcile, struct nx_error *error)
{
	size_t count;
	NX_AUTO_FREE struct nx_peer_change *changes = changes_collect(reconcile, &count);
	enum nx_status status = changes_apply_all(reconcile->capabilities, changes, count, error);

	changed_settle(reconcile);
	return status;
}

/* --- addresses and routes ------------------------------------------------------------- */

static void family_refuse(struct nx_reconcile *reconcile, struct nx_family *family,
			  const struct nx_member_family *attempt, const char *reason)
{
	family->refused = true;
	family->attempt = *attempt;
	snprintf(family->reason, sizeof(family->reason), "%.*s", NX_REASON_TEXT - 1, reason);
	reconcile->refused = true;
	nx_log(NX_LOG_INFO, "family is not usable", "family", family->ops->label, "reason", family->reason,
	       NULL);
}

static enum nx_status family_addresses(const struct nx_reconcile *reconcile, size_t index,
				       struct nx_error *error)
{
	const struct nx_family *family = &reconcile->capabilities->families[index];
	const struct nx_planner *planner = &reconcile->planner;

	if (family->ops->addresses_apply)
		return family->ops->addresses_apply(family->instance, reconcile->interface.index,
						    &planner->self_families[index],
						    &planner->self_seconds[index], error);
	return family->ops->address_apply(family->instance, reconcile->interface.index,
					  &planner->self_families[index], error);
}

enum nx_status nx_reconcile_addresses(struct nx_reconcile *reconcile, struct nx_error *error)
{
	enum nx_status result = NX_OK;

	for (size_t i = 0; i < reconcile->capabilities->family_count; i++) {
		struct nx_family *family = &reconcile->capabilities->families[i];
		struct nx_error why = {0};
		enum nx_status status = family_addresses(reconcile, i, &why);

		if (status == NX_UNSUPPORTED && reconcile->planner.self_families[i].present)
			family_refuse(reconcile, family, &reconcile->planner.self_families[i], why.message);
		else if (status != NX_OK && status != NX_UNSUPPORTED && result == NX_OK)
			result = nx_fail(error, status, why.field, "%s", why.message);
	}
	return result;
}

/* Whether the address is still this host's is not known here: it is taken away at once. */
static bool family_retry(const struct nx_family *family, int interface)
{
	const struct nx_member_family none = {0};

	if (family->ops->address_apply(family->instance, interface, &family->attempt, NULL) != NX_OK)
		return false;
	(void)family->ops->address_apply(family->instance, interface, &none, NULL);
	return true;
}

bool nx_reconcile_retry(struct nx_reconcile *reconcile)
{
	bool any = false;

	for (size_t i = 0; reconcile->up && i < reconcile->capabilities->family_count; i++) {
		struct nx_family *family = &reconcile->capabilities->families[i];

		if (!family->refused || !family->supported ||
		    !family_retry(family, reconcile->interface.index))
			continue;
		family->refused = false;
		family->reason[0] = '\0';
		any = true;
	}
	return any;
}

static enum nx_status family_routes(struct nx_reconcile *reconcile, size_t index, struct nx_error *error)
{
	const struct nx_family *family = &reconcile->capabilities->families[index];
	NX_CLEANUP(nx_route_changes_release) struct nx_route_changes changes = {0};

	nx_claims_routes(&reconcile->claims, family->ops->address_length, &changes);
	if (!changes.add_count && !changes.remove_count)
		return NX_OK;
	return family->ops->routes_apply(family->instance, reconcile->interface.index,
					 &reconcile->planner.self_families[index].address, changes.add,
					 changes.add_count, changes.remove, changes.remove_count, error);
}

static enum nx_status routes_tell(struct nx_reconcile *reconcile, struct nx_error *error)
{
	enum nx_status result = NX_OK;

	for (size_t i = 0; i < reconcile->capabilities->family_count; i++) {
		struct nx_error why = {0};
		enum nx_status status = family_routes(reconcile, i, &why);

		/* The other family's routes are worth having all the same, as is the rest of the mesh. */
		if (status == NX_CONFLICT)
			snprintf(reconcile->route_conflict, NX_CONFLICT_TEXT, "%.*s",
				 (int)NX_CONFLICT_TEXT - 1, why.message);
		else if (status != NX_OK && result == NX_OK)
			result = nx_fail(error, status, why.field, "%s", why.message);
	}
	nx_claims_settle(&reconcile->claims);
	return result;
}

/* --- forwarding ------------------------------------------------------------------------- */

/* Of what the record says is behind this host, what its operator has offered. */
static size_t children_offered(const struct nx_reconcile *reconcile, struct nx_prefix *out)
{
	const struct nx_member *self = &reconcile->planner.self;
	size_t count = 0;

	for (size_t i = 0; i < self->child_prefix_count; i++) {
		bool offered = !reconcile->offered_known;

		for (size_t j = 0; j < reconcile->offered_count && !offered; j++)
			offered = nx_prefix_compare(&reconcile->offered[j], &self->child_prefixes[i]) == 0;
		if (offered)
			out[count++] = self->child_prefixes[i];
	}
	return count;
}

static bool forward_same(const struct nx_reconcile *reconcile, const struct nx_member *self)
{
	if (!reconcile->forward_told || reconcile->forward_relay != self->standing.relay ||
	    reconcile->forward_child_count != self->child_prefix_count)
		return false;
	for (size_t i = 0; i < self->child_prefix_count; i++) {
		if (nx_prefix_compare(&reconcile->forward_children[i], &self->child_prefixes[i]) != 0)
			return false;
	}
	return true;
}

static void forward_remember(struct nx_reconcile *reconcile, const struct nx_member *self)
{
	free(reconcile->forward_children);
	reconcile->forward_children =
		nx_alloc_array(self->child_prefix_count, sizeof(*reconcile->forward_children));
	if (self->child_prefix_count)
		memcpy(reconcile->forward_children, self->child_prefixes,
		       self->child_prefix_count * sizeof(*reconcile->forward_children));
	reconcile->forward_child_count = self->child_prefix_count;
	reconcile->forward_relay = self->standing.relay;
	reconcile->forward_told = true;
}

static enum nx_status forward_tell(struct nx_reconcile *reconcile, struct nx_error *error)
{
	const struct nx_capabilities *capabilities = reconcile->capabilities;
	NX_AUTO_FREE struct nx_prefix *children =
		nx_alloc_array(reconcile->planner.self.child_prefix_count, sizeof(*children));
	struct nx_member self = reconcile->planner.self;
	enum nx_status status;

	self.child_prefix_count = children_offered(reconcile, children);
	self.child_prefixes = children;
	if (forward_same(reconcile, &self))
		return NX_OK;
	status = capabilities->relay->forward(capabilities->relay_instance, reconcile->request.name,
					      self.standing.relay, self.child_prefixes,
					      self.child_prefix_count, error);
	if (status == NX_OK)
		forward_remember(reconcile, &self);
	return status;
}

enum nx_status nx_reconcile_tell(struct nx_reconcile *reconcile, struct nx_error *error)
{
	enum nx_status status = peers_tell(reconcile, error);

	if (status == NX_OK)
		status = routes_tell(reconcile, error);
	else
		nx_claims_settle(&reconcile->claims);
	if (status == NX_OK)
		status = forward_tell(reconcile, error);
	if (status != NX_OK)
		reconcile->unsure = true;
	return status;
}
