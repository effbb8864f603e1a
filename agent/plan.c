/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"

void nx_planner_init(struct nx_planner *planner, const struct nx_capabilities *capabilities)
{
	*planner = (struct nx_planner){.capabilities = capabilities};
	planner->self_families = nx_alloc_array(capabilities->family_count, sizeof(*planner->self_families));
}

void nx_planner_release(struct nx_planner *planner)
{
	free(planner->record);
	free(planner->self_families);
	free(planner->relayed);
	free(planner->guarded);
	*planner = (struct nx_planner){0};
}

void nx_wanted_release(struct nx_wanted *wanted)
{
	free(wanted->prefixes);
	*wanted = (struct nx_wanted){0};
}

/* --- this host -------------------------------------------------------------------- */

/* The record's families, less those that this host cannot do at the moment. */
static bool families_refresh(struct nx_planner *planner)
{
	bool changed = false;

	for (size_t i = 0; i < planner->capabilities->family_count; i++) {
		struct nx_member_family now = planner->record->member.families[i];

		if (!nx_family_usable(&planner->capabilities->families[i]))
			now.present = false;
		changed |= now.present != planner->self_families[i].present;
		planner->self_families[i] = now;
	}
	return changed;
}

bool nx_planner_set_self(struct nx_planner *planner, struct nx_record *record)
{
	bool changed = false;

	if (record) {
		changed = nx_record_compare(planner->record, record) != NX_EFFECT_NONE;
		free(planner->record);
		planner->record = record;
		planner->known = true;
	}
	if (!planner->known)
		return false;
	changed |= families_refresh(planner);
	planner->self = planner->record->member;
	planner->self.families = planner->self_families;
	return changed;
}

static int address_order(const void *a, const void *b)
{
	return nx_address_compare(a, b);
}

static bool addresses_same(const struct nx_address *a, const struct nx_address *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (nx_address_compare(&a[i], &b[i]) != 0)
			return false;
	}
	return true;
}

bool nx_planner_guard(struct nx_planner *planner, const struct nx_address *addresses, size_t count)
{
	NX_AUTO_FREE struct nx_address *sorted = nx_alloc_array(count, sizeof(*sorted));

	if (count) {
		memcpy(sorted, addresses, count * sizeof(*sorted));
		qsort(sorted, count, sizeof(*sorted), address_order);
	}
	if (count == planner->guarded_count && addresses_same(sorted, planner->guarded, count))
		return false;
	free(planner->guarded);
	planner->guarded = NX_TAKE(sorted);
	planner->guarded_count = count;
	return true;
}

/* --- the mesh --------------------------------------------------------------------- */

static const struct nx_member *relay_member(const struct nx_planner *planner)
{
	if (planner->relay_is_self)
		return &planner->self;
	return planner->relay ? &planner->relay->record->member : NULL;
}

static bool relay_choose(struct nx_planner *planner, const struct nx_members *members)
{
	const struct nx_capabilities *capabilities = planner->capabilities;
	const struct nx_member *best = planner->self.standing.relay ? &planner->self : NULL;
	const struct nx_entry *before = planner->relay;
	bool self_before = planner->relay_is_self;
	struct nx_entry *chosen = NULL;

	for (struct nx_entry *entry = nx_members_first(members); entry; entry = nx_members_next(entry)) {
		const struct nx_member *member = &entry->record->member;

		if (!member->standing.relay)
			continue;
		if (!best || capabilities->relay->prefer(capabilities->relay_instance, member, best)) {
			best = member;
			chosen = entry;
		}
	}
	planner->relay = chosen;
	planner->relay_is_self = best == &planner->self;
	return chosen != before || planner->relay_is_self != self_before;
}

/* Inside the mesh's own prefix of its family there is room for tunnel addresses only. */
static bool child_in_mesh(const struct nx_planner *planner, const struct nx_prefix *child)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		const struct nx_member_family *family = &planner->self.families[i];

		if (family->present && nx_prefix_overlaps(&family->organization, child))
			return true;
	}
	return false;
}

static bool member_is_relayed(const struct nx_planner *planner, const struct nx_entry *entry)
{
	if (entry == planner->relay)
		return false;
	return planner->self.standing.spoke || entry->record->member.standing.spoke;
}

static void relayed_collect(const struct nx_planner *planner, const struct nx_members *members,
			    struct nx_prefix *into, size_t room, size_t *count)
{
	*count = 0;
	if (!planner->relay) /* none, or this host itself */
		return;
	for (const struct nx_entry *entry = nx_members_first(members); entry;
	     entry = nx_members_next(entry)) {
		const struct nx_member *member = &entry->record->member;

		if (!member->child_prefix_count || !member_is_relayed(planner, entry))
			continue;
		for (size_t i = 0; i < member->child_prefix_count && *count < NX_RELAYED_LIMIT; i++) {
			if (child_in_mesh(planner, &member->child_prefixes[i]))
				continue;
			if (*count < room)
				into[*count] = member->child_prefixes[i];
			++*count;
		}
	}
}

static int prefix_order(const void *a, const void *b)
{
	return nx_prefix_compare(a, b);
}

static size_t prefixes_sort(struct nx_prefix *prefixes, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(prefixes, count, sizeof(*prefixes), prefix_order);
	for (size_t i = 0; i < count; i++) {
		if (!kept || nx_prefix_compare(&prefixes[kept - 1], &prefixes[i]) != 0)
			prefixes[kept++] = prefixes[i];
	}
	return kept;
}

static bool relayed_refresh(struct nx_planner *planner, const struct nx_members *members)
{
	size_t count, kept;
	bool same;

	relayed_collect(planner, members, NULL, 0, &count);
	struct nx_prefix *now = nx_alloc_array(count, sizeof(*now));

	relayed_collect(planner, members, now, count, &count);
	kept = prefixes_sort(now, count);
	same = kept == planner->relayed_count;
	for (size_t i = 0; same && i < kept; i++)
		same = nx_prefix_compare(&now[i], &planner->relayed[i]) == 0;
	free(planner->relayed);
	planner->relayed = now;
	planner->relayed_count = kept;
	return !same;
}

enum nx_replan nx_planner_survey(struct nx_planner *planner, const struct nx_members *members)
{
	bool chosen = relay_choose(planner, members);
	bool relayed = relayed_refresh(planner, members);

	if (chosen)
		return NX_REPLAN_ALL;
	return relayed ? NX_REPLAN_RELAY : NX_REPLAN_NONE;
}

/* --- one member --------------------------------------------------------------------- */

bool nx_member_owns(const struct nx_member *member, const struct nx_prefix *prefix)
{
	if (prefix->bits != 8 * prefix->address.length)
		return false;
	for (size_t i = 0; i < member->family_count; i++) {
		if (member->families[i].present &&
		    nx_address_compare(&member->families[i].address, &prefix->address) == 0)
			return true;
	}
	return false;
}

static bool family_present(const struct nx_member *member, uint8_t length)
{
	for (size_t i = 0; i < member->family_count; i++) {
		if (member->families[i].present && member->families[i].address.length == length)
			return true;
	}
	return false;
}

static bool member_advertises(const struct nx_member *member, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < member->child_prefix_count; i++) {
		if (nx_prefix_compare(&member->child_prefixes[i], prefix) == 0)
			return true;
	}
	return false;
}

static bool prefix_guarded(const struct nx_planner *planner, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < planner->guarded_count; i++) {
		if (nx_prefix_contains(prefix, &planner->guarded[i]))
			return true;
	}
	return false;
}

/*
 * What a server may not make this host route into the tunnel: everything, its own
 * address, its own outside networks, or the mesh's addresses under the name of a
 * network behind a member. NULL: it may.
 */
static const char *prefix_refusal(const struct nx_planner *planner, const struct nx_member *member,
				  const struct nx_prefix *prefix)
{
	if (prefix->bits == 0)
		return "it is a default route";
	if (nx_member_owns(&planner->self, prefix))
		return "it is this host's own tunnel address";
	if (prefix_guarded(planner, prefix))
		return "the service, or an address that this host has outside the mesh, is in it";
	if (nx_member_owns(member, prefix))
		return NULL;
	if (member_advertises(member, prefix) && child_in_mesh(planner, prefix))
		return "it overlaps the organization's own prefix";
	return NULL;
}

static void prefixes_judge(const struct nx_planner *planner, const struct nx_member *member,
			   struct nx_wanted *wanted)
{
	size_t kept = 0;

	for (size_t i = 0; i < wanted->prefix_count; i++) {
		struct nx_prefix prefix = nx_prefix_mask(&wanted->prefixes[i]);

		if (!family_present(&planner->self, prefix.address.length))
			continue;
		const char *refusal = prefix_refusal(planner, member, &prefix);

		if (!refusal) {
			wanted->prefixes[kept++] = prefix;
		} else if (!wanted->refused_count++) {
			wanted->refusal = refusal;
			wanted->refused = prefix;
		}
	}
	wanted->prefix_count = prefixes_sort(wanted->prefixes, kept);
}

/* The tunnel's own packets must not go through the tunnel. */
static bool endpoint_fit(const struct nx_planner *planner, const struct nx_endpoint *endpoint)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		const struct nx_member_family *family = &planner->self.families[i];

		if (family->present && nx_prefix_contains(&family->organization, &endpoint->address))
			return false;
	}
	return true;
}

static enum nx_status relay_plan(const struct nx_planner *planner, const struct nx_member *member,
				 struct nx_wanted *wanted, struct nx_peer_plan *plan)
{
	const struct nx_capabilities *capabilities = planner->capabilities;
	const struct nx_mesh mesh = {
		.size = sizeof(mesh),
		.self = &planner->self,
		.relay = relay_member(planner),
		.relayed_child_prefixes = planner->relayed,
		.relayed_child_prefix_count = planner->relayed_count,
	};

	*plan = (struct nx_peer_plan){
		.size = sizeof(*plan),
		.prefixes = wanted->prefixes,
		.prefix_room = wanted->prefix_room,
	};
	return capabilities->relay->plan(capabilities->relay_instance, &mesh, member, plan);
}

void nx_wanted_none(struct nx_wanted *wanted)
{
	wanted->path = NX_PATH_NONE;
	wanted->prefix_count = 0;
	wanted->keepalive_seconds = 0;
	wanted->endpoint = (struct nx_endpoint){0};
	wanted->refusal = NULL;
	wanted->refused_count = 0;
}

enum nx_status nx_plan_member(const struct nx_planner *planner, const struct nx_member *member,
			      struct nx_wanted *out, struct nx_error *error)
{
	struct nx_peer_plan plan;
	enum nx_status status = relay_plan(planner, member, out, &plan);

	if (status == NX_OK && plan.prefix_count > out->prefix_room) {
		out->prefixes = nx_realloc_array(out->prefixes, plan.prefix_count, sizeof(*out->prefixes));
		out->prefix_room = plan.prefix_count;
		status = relay_plan(planner, member, out, &plan);
	}
	if (status != NX_OK || plan.prefix_count > out->prefix_room) {
		nx_wanted_none(out);
		return nx_fail(error, status ? status : NX_INTERNAL, NULL,
			       "the relay policy has no plan for device %s", member->id);
	}
	out->refusal = NULL;
	out->refused_count = 0;
	out->path = plan.path;
	out->prefix_count = plan.path == NX_PATH_NONE ? 0 : plan.prefix_count;
	out->keepalive_seconds = plan.keepalive_seconds;
	out->endpoint = plan.endpoint;
	if (out->endpoint.port && !endpoint_fit(planner, &out->endpoint))
		out->endpoint = (struct nx_endpoint){0};
	prefixes_judge(planner, member, out);
	return NX_OK;
}
