/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "agent/network/reconcile_parts.h"
#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"

void nx_reconcile_init(struct nx_reconcile *reconcile, struct nx_capabilities *capabilities,
		       struct nx_members *members, const struct nx_interface_request *request)
{
	*reconcile = (struct nx_reconcile){
		.capabilities = capabilities,
		.members = members,
		.request = *request,
		.unsure = true,
		.survey = true,
	};
	nx_planner_init(&reconcile->planner, capabilities, members);
}

static void dirty_release(struct nx_reconcile *reconcile)
{
	struct nx_entry *next;

	for (struct nx_entry *entry = reconcile->dirty; entry; entry = next) {
		next = entry->next_dirty;
		entry->dirty = false;
		if (entry->gone)
			nx_entry_free(entry);
	}
	reconcile->dirty = NULL;
}

void nx_reconcile_release(struct nx_reconcile *reconcile)
{
	dirty_release(reconcile);
	nx_strangers_clear(reconcile);
	nx_claims_clear(&reconcile->claims);
	nx_planner_release(&reconcile->planner);
	nx_wanted_release(&reconcile->wanted);
	free(reconcile->changed);
	free(reconcile->strangers);
	free(reconcile->forward_children);
}

static enum nx_status interface_up(struct nx_reconcile *reconcile, uint16_t port, struct nx_error *error)
{
	const struct nx_capabilities *capabilities = reconcile->capabilities;
	struct nx_interface_request request = reconcile->request;

	request.listen_port = port;
	reconcile->interface = (struct nx_interface){.size = sizeof(reconcile->interface)};
	return capabilities->driver->interface_up(capabilities->driver_instance, &request,
						  &reconcile->interface, error);
}

enum nx_status nx_reconcile_start(struct nx_reconcile *reconcile, struct nx_error *error)
{
	uint16_t wanted = reconcile->request.listen_port;
	enum nx_status status = NX_UNAVAILABLE;

	/* Others look for this host at its usual port; another one is better than none. */
	if (!wanted && reconcile->usual_port)
		status = interface_up(reconcile, reconcile->usual_port, NULL);
	if (status != NX_OK)
		status = interface_up(reconcile, wanted, error);
	reconcile->up = status == NX_OK;
	reconcile->unsure = true;
	if (reconcile->up)
		reconcile->usual_port = reconcile->interface.listen_port;
	return status;
}

enum nx_status nx_reconcile_resize(struct nx_reconcile *reconcile, uint32_t mtu, struct nx_error *error)
{
	const struct nx_capabilities *capabilities = reconcile->capabilities;
	enum nx_status status = NX_OK;

	if (reconcile->request.mtu == mtu)
		return NX_OK;
	if (reconcile->up)
		status = capabilities->driver->mtu_set(capabilities->driver_instance, mtu, error);
	if (status != NX_OK)
		return status;
	reconcile->request.mtu = reconcile->interface.mtu = mtu;
	return NX_OK;
}

/* --- marking ------------------------------------------------------------------------- */

static void entry_mark(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->next_dirty = reconcile->dirty;
	reconcile->dirty = entry;
}

void nx_reconcile_mark(struct nx_reconcile *reconcile, struct nx_entry *entry, unsigned effect)
{
	/* What is carried for others belongs to the plan of its relay. */
	if ((effect & NX_EFFECT_MESH) || (effect && entry->carrier))
		reconcile->survey = true;
	if (effect && entry == reconcile->planner.relay)
		reconcile->replan_all = true;
	if (effect & NX_EFFECT_PEER)
		entry_mark(reconcile, entry);
}

void nx_reconcile_way(struct nx_reconcile *reconcile, struct nx_entry *entry, enum nx_direct direct)
{
	struct nx_member *member = &entry->record->member;

	if (member->direct != direct)
		reconcile->survey = true;
	member->direct = direct;
	entry_mark(reconcile, entry);
}

void nx_reconcile_forget(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	unsigned effect = nx_record_compare(entry->record, NULL);

	bool relay = entry == reconcile->planner.relay;

	nx_members_take(reconcile->members, entry);
	nx_planner_forget(&reconcile->planner, entry);
	nx_reconcile_mark(reconcile, entry, effect);
	reconcile->replan_all |= relay;
}

/* What this host's addresses were: those of each family, and the second ones behind them. */
struct self_before {
	struct nx_member_family *facts;
	size_t count;
};

static struct self_before self_remember(const struct nx_reconcile *reconcile)
{
	const struct nx_planner *planner = &reconcile->planner;
	size_t count = reconcile->capabilities->family_count;
	struct nx_member_family *facts = nx_alloc_array(2 * count, sizeof(*facts));

	if (count) {
		memcpy(facts, planner->self_families, count * sizeof(*facts));
		memcpy(facts + count, planner->self_seconds, count * sizeof(*facts));
	}
	return (struct self_before){facts, count};
}

static bool addresses_same(const struct nx_member_family *a, const struct nx_member_family *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (a[i].present != b[i].present || nx_address_compare(&a[i].address, &b[i].address) != 0 ||
		    nx_prefix_compare(&a[i].organization, &b[i].organization) != 0)
			return false;
	}
	return true;
}

void nx_reconcile_set_self(struct nx_reconcile *reconcile, struct nx_record *record)
{
	struct nx_planner *planner = &reconcile->planner;
	const struct self_before before = self_remember(reconcile);
	NX_AUTO_FREE struct nx_member_family *facts = before.facts;
	bool known = planner->known;

	if (!nx_planner_set_self(planner, record))
		return;
	/* Every plan depends on this host, and every route on its addresses. */
	reconcile->survey = true;
	reconcile->replan_all = true;
	bool firsts = addresses_same(facts, planner->self_families, before.count);

	if (known && firsts && addresses_same(facts + before.count, planner->self_seconds, before.count))
		return;
	reconcile->unsure = true;
	reconcile->routes_stale |= known && !firsts;
}

void nx_reconcile_guard(struct nx_reconcile *reconcile, struct nx_guard *guard)
{
	if (!nx_planner_guard(&reconcile->planner, guard))
		return;
	reconcile->replan_all = true;
	/* What was fit for this host itself may be no longer, or be again. */
	nx_reconcile_set_self(reconcile, NULL);
}

static void all_mark(struct nx_reconcile *reconcile)
{
	for (struct nx_entry *entry = nx_members_first(reconcile->members); entry;
	     entry = nx_members_next(entry))
		entry_mark(reconcile, entry);
	reconcile->replan_all = false;
}

/* --- planning -------------------------------------------------------------------------- */

static void changed_add(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	if (entry->listed)
		return;
	if (reconcile->changed_count == reconcile->changed_room) {
		reconcile->changed_room = reconcile->changed_room ? 2 * reconcile->changed_room : 16;
		reconcile->changed = nx_realloc_array(reconcile->changed, reconcile->changed_room,
						      sizeof(struct nx_entry *));
	}
	entry->listed = true;
	reconcile->changed[reconcile->changed_count++] = entry;
}

static void wanted_refuse(struct nx_wanted *wanted, const struct nx_prefix *prefix, const char *reason)
{
	if (wanted->refused_count++)
		return;
	wanted->refused = *prefix;
	wanted->refusal = reason;
}

/* Keep of the wanted prefixes those that nobody has a better right to. */
static void wanted_claim(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	struct nx_wanted *wanted = &reconcile->wanted;
	size_t kept = 0;

	for (size_t i = 0; i < wanted->prefix_count; i++) {
		const struct nx_prefix prefix = wanted->prefixes[i];
		struct nx_entry *loser;
		enum nx_claim_result result =
			nx_claims_take(&reconcile->claims, entry, &prefix,
				       nx_trust_accepts(&reconcile->planner.trust, &prefix), &loser);

		if (result == NX_CLAIM_TAKEN)
			wanted->prefixes[kept++] = prefix;
		else if (result == NX_CLAIM_WIDE)
			wanted_refuse(wanted, &prefix,
				      "all networks of the mesh would be a large part of the Internet "
				      "(accept-networks would allow it)");
		else if (nx_member_owns(&entry->record->member, &prefix))
			wanted_refuse(wanted, &prefix, "another device has the same address");
		if (loser)
			entry_mark(reconcile, loser);
	}
	wanted->prefix_count = kept;
}

/* Both lists ascend: give back what the entry had and no longer wants. */
static bool prefixes_give(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	const struct nx_applied *applied = &entry->applied;
	const struct nx_wanted *wanted = &reconcile->wanted;
	bool same = applied->prefix_count == wanted->prefix_count;
	size_t next = 0;

	for (size_t i = 0; i < applied->prefix_count; i++) {
		while (next < wanted->prefix_count &&
		       nx_prefix_compare(&wanted->prefixes[next], &applied->prefixes[i]) < 0)
			next++;
		if (next < wanted->prefix_count &&
		    nx_prefix_compare(&wanted->prefixes[next], &applied->prefixes[i]) == 0)
			continue;
		nx_claims_give(&reconcile->claims, entry, &applied->prefixes[i]);
		entry->loses = true;
		same = false;
	}
	return same;
}

static void prefixes_store(struct nx_applied *applied, const struct nx_wanted *wanted)
{
	free(applied->prefixes);
	applied->prefixes = nx_alloc_array(wanted->prefix_count, sizeof(*applied->prefixes));
	applied->prefix_count = wanted->prefix_count;
	if (wanted->prefix_count)
		memcpy(applied->prefixes, wanted->prefixes,
		       wanted->prefix_count * sizeof(*applied->prefixes));
}

static bool endpoint_listed(const struct nx_wanted *wanted, const struct nx_endpoint *endpoint)
{
	for (size_t i = 0; i < wanted->endpoint_count; i++) {
		if (nx_endpoint_compare(&wanted->endpoints[i], endpoint) == 0)
			return true;
	}
	return false;
}

/*
 * Is the peer's endpoint to be told? Only when the one that was told last is no longer one of its own, or
 * does not answer: a peer that roamed is where its packets come from. An adopted peer with a fresh handshake
 * works with the endpoint it has.
 */
static bool endpoint_due(struct nx_entry *entry, const struct nx_wanted *wanted)
{
	struct nx_applied *applied = &entry->applied;
	const struct nx_endpoint *next;
	bool listed = endpoint_listed(wanted, &applied->published);

	if (!wanted->endpoint_count || (listed && entry->record->member.direct == NX_DIRECT_WORKS))
		return false;
	if (entry->way.candidate >= wanted->endpoint_count)
		entry->way.candidate = 0;
	next = &wanted->endpoints[entry->way.candidate];
	if (nx_endpoint_compare(&applied->published, next) == 0)
		return false;
	bool kept = applied->adopted && applied->alive && applied->published.port;

	applied->published = *next;
	return !kept;
}

/* Of two hosts that can both begin, the one with the greater key yields. A spoke must come to its relay. */
static bool yields(const struct nx_reconcile *reconcile, const struct nx_entry *entry)
{
	const struct nx_member *self = &reconcile->planner.self, *member = &entry->record->member;

	return !self->standing.spoke && !member->standing.spoke && reconcile->wanted.endpoint_count &&
	       self->public_key && strcmp(self->public_key, member->public_key) > 0;
}

static void way_fold(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	const struct nx_wanted *wanted = &reconcile->wanted;

	entry->way.endpoint_count = (uint8_t)wanted->endpoint_count;
	if (wanted->path != NX_PATH_NONE) {
		if (entry->renew || (!entry->told && !entry->applied.present))
			entry->way.yields = yields(reconcile, entry);
		return;
	}
	/* Without a peer there is no way, and none that failed. */
	if (entry->record->member.direct != NX_DIRECT_UNKNOWN)
		reconcile->survey = true;
	entry->record->member.direct = NX_DIRECT_UNKNOWN;
	entry->way = (struct nx_way){0};
}

static void peer_fold(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	const struct nx_wanted *wanted = &reconcile->wanted;
	struct nx_applied *applied = &entry->applied;
	bool same = prefixes_give(reconcile, entry);
	bool endpoint;

	if (wanted->path == NX_PATH_NONE) {
		applied->published = (struct nx_endpoint){0};
		applied->adopted = false;
	}
	endpoint = endpoint_due(entry, wanted);
	way_fold(reconcile, entry);
	if (!same)
		prefixes_store(applied, wanted);
	applied->adopted = false;
	entry->tell_endpoint |= endpoint;
	entry->tell |= !same || endpoint || applied->keepalive_seconds != wanted->keepalive_seconds;
	applied->present = wanted->path != NX_PATH_NONE;
	applied->keepalive_seconds = wanted->keepalive_seconds;
	applied->path = wanted->path;
}

/* Once, not at each plan. */
static void refusal_tell(const struct nx_wanted *wanted, struct nx_entry *entry)
{
	const struct nx_prefix none = {0};
	const struct nx_prefix *refused = wanted->refusal ? &wanted->refused : &none;
	char text[NX_ADDRESS_TEXT], more[24];

	if (nx_prefix_compare(refused, &entry->refused) == 0)
		return;
	entry->refused = *refused;
	if (!wanted->refusal)
		return;
	snprintf(more, sizeof(more), "%zu", wanted->refused_count - 1);
	nx_log(NX_LOG_WARNING, "a prefix is left out", "device", entry->record->member.id, "prefix",
	       nx_prefix_format(refused, text), "reason", wanted->refusal, "others", more, NULL);
}

static void entry_plan(struct nx_reconcile *reconcile, struct nx_entry *entry)
{
	struct nx_error error = {0};

	if (entry->gone)
		nx_wanted_none(&reconcile->wanted);
	else if (nx_plan_member(&reconcile->planner, &entry->record->member, &reconcile->wanted, &error) !=
		 NX_OK)
		nx_log(NX_LOG_WARNING, "a device is left out", "device", entry->record->member.id, "reason",
		       error.message, NULL);
	wanted_claim(reconcile, entry);
	refusal_tell(&reconcile->wanted, entry);
	peer_fold(reconcile, entry);
	changed_add(reconcile, entry);
}

static void dirty_plan(struct nx_reconcile *reconcile)
{
	while (reconcile->dirty) {
		struct nx_entry *entry = reconcile->dirty;

		reconcile->dirty = entry->next_dirty;
		entry->dirty = false;
		entry_plan(reconcile, entry);
	}
}

static void entry_doubtful(void *context, struct nx_entry *entry)
{
	entry_mark(context, entry);
}

static void mesh_survey(struct nx_reconcile *reconcile)
{
	if (!reconcile->survey)
		return;
	reconcile->survey = false;
	nx_planner_survey(&reconcile->planner, entry_doubtful, reconcile);
}

void nx_reconcile_plan(struct nx_reconcile *reconcile)
{
	mesh_survey(reconcile);
	if (reconcile->replan_all)
		all_mark(reconcile);
	reconcile->claims.reopened = false;
	dirty_plan(reconcile);
	if (!reconcile->claims.reopened)
		return;
	/* A prefix that several wanted is free, or room for one: whoever did not get it before may have it
	 * now. */
	reconcile->claims.crowded = false;
	all_mark(reconcile);
	dirty_plan(reconcile);
}
