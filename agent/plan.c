/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan.h"

#include <stdlib.h>
#include <string.h>

#include "agent/relay_choice.h"
#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"

/* A host that is being renumbered. */
struct address_pair {
	struct nx_address first; /* the key */
	struct nx_address second;
};

/* Of one plan at a time; grows, and is kept. */
struct nx_plan_scratch {
	const struct nx_member **relays; /* this host included, ascending by id */
	size_t relay_count, relay_room;
	const struct nx_member **carried;
	size_t carried_count, carried_room;
	struct nx_address *addresses; /* of those that are carried, ascending */
	size_t address_count, address_room;
	struct address_pair *pairs; /* of who is planned and of those that are carried, ascending */
	size_t pair_count, pair_room;
};

void nx_planner_init(struct nx_planner *planner, const struct nx_capabilities *capabilities,
		     const struct nx_members *members)
{
	*planner = (struct nx_planner){.capabilities = capabilities, .members = members};
	planner->scratch = nx_alloc(sizeof(*planner->scratch));
	planner->self_families = nx_alloc_array(capabilities->family_count, sizeof(*planner->self_families));
	planner->self_seconds = nx_alloc_array(capabilities->family_count, sizeof(*planner->self_seconds));
	planner->self_refusals = nx_alloc_array(capabilities->family_count, sizeof(*planner->self_refusals));
	planner->second_refusals =
		nx_alloc_array(capabilities->family_count, sizeof(*planner->second_refusals));
}

void nx_planner_release(struct nx_planner *planner)
{
	free(planner->record);
	free(planner->self_families);
	free(planner->self_seconds);
	free(planner->relays);
	free(planner->self_refusals);
	free(planner->second_refusals);
	nx_guard_release(&planner->guard);
	if (planner->scratch) {
		free(planner->scratch->relays);
		free(planner->scratch->carried);
		free(planner->scratch->addresses);
		free(planner->scratch->pairs);
		free(planner->scratch);
	}
	*planner = (struct nx_planner){0};
}

void nx_wanted_release(struct nx_wanted *wanted)
{
	free(wanted->prefixes);
	*wanted = (struct nx_wanted){0};
}

/* --- this host -------------------------------------------------------------------- */

/* May a network be as wide, or must the operator of this host have said so? */
static bool width_fit(const struct nx_planner *planner, const struct nx_prefix *network)
{
	const struct nx_family *family = nx_family_of_length(planner->capabilities, network->address.length);

	return !family || family->ops->network_check(family->instance, network, NULL) != NX_DENIED ||
	       nx_trust_accepts(&planner->trust, network);
}

static const char *self_refusal(const struct nx_planner *planner, const struct nx_member_family *family)
{
	if (!family->present)
		return NULL;
	if (!width_fit(planner, &family->organization))
		return "the organization's prefix is as wide as a part of the Internet (accept-networks "
		       "would "
		       "allow it)";
	return nx_guard_self_refusal(&planner->guard, &planner->trust, &family->address,
				     &family->organization);
}

/* The second address of a family, if this host takes part in the family and may have that one as well. */
static bool second_refresh(struct nx_planner *planner, size_t index)
{
	struct nx_member_family now = planner->record->member.seconds[index];
	bool before = planner->self_seconds[index].present;

	now.present = now.present && planner->self_families[index].present;
	planner->second_refusals[index] = self_refusal(planner, &now);
	if (planner->second_refusals[index])
		now.present = false;
	planner->self_seconds[index] = now;
	return now.present != before;
}

/* The record's families, less those that this host cannot do at the moment, or must not. */
static bool families_refresh(struct nx_planner *planner)
{
	bool changed = false;

	for (size_t i = 0; i < planner->capabilities->family_count; i++) {
		struct nx_member_family now = planner->record->member.families[i];

		planner->self_refusals[i] = self_refusal(planner, &now);
		if (!nx_family_usable(&planner->capabilities->families[i]) || planner->self_refusals[i])
			now.present = false;
		changed |= now.present != planner->self_families[i].present;
		planner->self_families[i] = now;
		changed |= second_refresh(planner, i);
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
	planner->self.seconds = planner->self_seconds;
	return changed;
}

static int address_order(const void *a, const void *b)
{
	return nx_address_compare(a, b);
}

bool nx_planner_guard(struct nx_planner *planner, struct nx_guard *guard)
{
	bool same = nx_guard_same(&planner->guard, guard);

	nx_guard_release(&planner->guard);
	planner->guard = *guard;
	*guard = (struct nx_guard){0};
	return !same;
}

/* --- the mesh --------------------------------------------------------------------- */

static const struct nx_member *relay_member(const struct nx_planner *planner)
{
	if (planner->relay_is_self)
		return &planner->self;
	return planner->relay ? &planner->relay->record->member : NULL;
}

static void member_push(const struct nx_member ***list, size_t *count, size_t *room,
			const struct nx_member *member)
{
	if (*count == *room) {
		*room = *room ? 2 * *room : 16;
		*list = nx_realloc_array(*list, *room, sizeof(struct nx_member *));
	}
	(*list)[(*count)++] = member;
}

/* This host takes its place among the relays. */
static void relays_list(const struct nx_planner *planner)
{
	struct nx_plan_scratch *scratch = planner->scratch;
	bool self_due = planner->self.standing.relay;

	scratch->relay_count = 0;
	for (size_t i = 0; i <= planner->relay_count; i++) {
		const struct nx_member *relay =
			i < planner->relay_count ? &planner->relays[i]->record->member : NULL;

		if (self_due && (!relay || strcmp(planner->self.id, relay->id) < 0)) {
			member_push(&scratch->relays, &scratch->relay_count, &scratch->relay_room,
				    &planner->self);
			self_due = false;
		}
		if (relay)
			member_push(&scratch->relays, &scratch->relay_count, &scratch->relay_room, relay);
	}
}

static struct nx_mesh mesh_view(const struct nx_planner *planner)
{
	relays_list(planner);
	return (struct nx_mesh){
		.size = sizeof(struct nx_mesh),
		.self = &planner->self,
		.relay = relay_member(planner),
		.relays = planner->scratch->relays,
		.relay_count = planner->scratch->relay_count,
		.endpoints_fixed = planner->capabilities->driver->lacks & NX_DRIVER_NO_ROAMING,
	};
}

static int entry_order(const void *a, const void *b)
{
	const struct nx_entry *const *left = a, *const *right = b;

	return strcmp((*left)->record->member.id, (*right)->record->member.id);
}

static void relays_gather(struct nx_planner *planner)
{
	size_t room = 0;

	planner->relay_count = 0;
	for (struct nx_entry *entry = nx_members_first(planner->members); entry;
	     entry = nx_members_next(entry)) {
		if (!entry->record->member.standing.relay)
			continue;
		if (planner->relay_count >= room) {
			room = room ? 2 * room : 4;
			planner->relays = nx_realloc_array(planner->relays, room, sizeof(struct nx_entry *));
		}
		planner->relays[planner->relay_count++] = entry;
	}
	if (planner->relay_count)
		qsort(planner->relays, planner->relay_count, sizeof(struct nx_entry *), entry_order);
}

static struct nx_entry *relay_entry(const struct nx_planner *planner, const struct nx_member *member)
{
	for (size_t i = 0; member && i < planner->relay_count; i++) {
		if (&planner->relays[i]->record->member == member)
			return planner->relays[i];
	}
	return NULL;
}

static void carriers_find(struct nx_planner *planner, void (*doubtful)(void *context, struct nx_entry *entry),
			  void *context)
{
	const struct nx_capabilities *capabilities = planner->capabilities;
	struct nx_mesh mesh = mesh_view(planner);

	planner->detours = 0;
	for (struct nx_entry *entry = nx_members_first(planner->members); entry;
	     entry = nx_members_next(entry)) {
		const struct nx_member *member = &entry->record->member;
		struct nx_entry *carrier = relay_entry(
			planner, capabilities->relay->carrier(capabilities->relay_instance, &mesh, member));

		if (carrier && !member->standing.spoke && !planner->self.standing.spoke)
			planner->detours++;
		if (carrier == entry->carrier)
			continue;
		entry->carrier = carrier;
		doubtful(context, entry);
	}
}

void nx_planner_survey(struct nx_planner *planner, void (*doubtful)(void *context, struct nx_entry *entry),
		       void *context)
{
	bool moved;

	relays_gather(planner);
	moved = nx_relay_choose(planner);
	carriers_find(planner, doubtful, context);
	for (size_t i = 0; i < planner->relay_count; i++)
		doubtful(context, planner->relays[i]);
	for (struct nx_entry *entry = moved ? nx_members_first(planner->members) : NULL; entry;
	     entry = nx_members_next(entry))
		doubtful(context, entry);
}

void nx_planner_forget(struct nx_planner *planner, struct nx_entry *entry)
{
	size_t kept = 0;

	for (size_t i = 0; i < planner->relay_count; i++) {
		if (planner->relays[i] != entry)
			planner->relays[kept++] = planner->relays[i];
	}
	if (kept == planner->relay_count)
		return;
	planner->relay_count = kept;
	if (planner->relay == entry)
		planner->relay = NULL;
	if (planner->relay_next == entry)
		planner->relay_next = NULL;
	for (struct nx_entry *other = nx_members_first(planner->members); other;
	     other = nx_members_next(other)) {
		if (other->carrier == entry)
			other->carrier = NULL;
	}
}

static bool facts_overlap(const struct nx_member_family *facts, const struct nx_prefix *prefix)
{
	return facts->present && nx_prefix_overlaps(&facts->organization, prefix);
}

/* Inside the mesh's own prefixes of its family there is room for tunnel addresses only. */
static bool child_in_mesh(const struct nx_planner *planner, const struct nx_prefix *child)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		if (facts_overlap(&planner->self.families[i], child) ||
		    facts_overlap(&planner->self.seconds[i], child))
			return true;
	}
	return false;
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

/* --- one member --------------------------------------------------------------------- */

static bool facts_own(const struct nx_member_family *facts, const struct nx_address *address)
{
	return facts->present && nx_address_compare(&facts->address, address) == 0;
}

bool nx_member_owns(const struct nx_member *member, const struct nx_prefix *prefix)
{
	if (prefix->bits != 8 * prefix->address.length)
		return false;
	for (size_t i = 0; i < member->family_count; i++) {
		if (facts_own(&member->families[i], &prefix->address) ||
		    facts_own(&member->seconds[i], &prefix->address))
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

static bool address_carried(const struct nx_planner *planner, const struct nx_prefix *prefix)
{
	const struct nx_plan_scratch *scratch = planner->scratch;

	return prefix->bits == 8 * prefix->address.length && scratch->address_count &&
	       bsearch(&prefix->address, scratch->addresses, scratch->address_count,
		       sizeof(*scratch->addresses), address_order);
}

static bool facts_are_of(const struct nx_member_family *facts, const struct nx_prefix *organization)
{
	return facts->present && nx_prefix_compare(&facts->organization, organization) == 0;
}

static bool prefix_is_organization(const struct nx_planner *planner, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		if (facts_are_of(&planner->self.families[i], prefix) ||
		    facts_are_of(&planner->self.seconds[i], prefix))
			return true;
	}
	return false;
}

/* A network behind a member, or an address that is none of the mesh's. */
static const char *outside_refusal(const struct nx_planner *planner, const struct nx_member *member,
				   const struct nx_prefix *prefix)
{
	if (nx_member_owns(member, prefix) && !member_advertises(member, prefix))
		return "it is no address of the organization's prefix";
	if (!width_fit(planner, prefix))
		return "it is as wide as a part of the Internet (accept-networks would allow it)";
	return NULL;
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
	const char *refusal = nx_guard_refusal(&planner->guard, &planner->trust, prefix);

	if (refusal)
		return refusal;
	if (!child_in_mesh(planner, prefix))
		return outside_refusal(planner, member, prefix);
	if (nx_member_owns(member, prefix))
		return NULL;
	if (member->standing.relay &&
	    (address_carried(planner, prefix) ||
	     (prefix_is_organization(planner, prefix) && !member_advertises(member, prefix))))
		return NULL;
	return "it overlaps the organization's own prefix";
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

static bool facts_hold(const struct nx_member_family *facts, const struct nx_address *address)
{
	return facts->present && nx_prefix_contains(&facts->organization, address);
}

/* Is it an address of the organization's, as this host knows its prefixes? */
static bool mesh_holds(const struct nx_planner *planner, const struct nx_address *address)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		if (facts_hold(&planner->self.families[i], address) ||
		    facts_hold(&planner->self.seconds[i], address))
			return true;
	}
	return false;
}

/* The tunnel's own packets must not go through the tunnel, nor to this host itself. */
static bool endpoint_fit(const struct nx_planner *planner, const struct nx_endpoint *endpoint)
{
	if (nx_guard_is_own(&planner->guard, &endpoint->address))
		return false;
	return !mesh_holds(planner, &endpoint->address);
}

/* --- what a relay carries ------------------------------------------------------------ */

static void address_push(struct nx_plan_scratch *scratch, const struct nx_address *address)
{
	if (scratch->address_count == scratch->address_room) {
		scratch->address_room = scratch->address_room ? 2 * scratch->address_room : 16;
		scratch->addresses = nx_realloc_array(scratch->addresses, scratch->address_room,
						      sizeof(*scratch->addresses));
	}
	scratch->addresses[scratch->address_count++] = *address;
}

static void pair_push(struct nx_plan_scratch *scratch, const struct address_pair *pair)
{
	if (scratch->pair_count == scratch->pair_room) {
		scratch->pair_room = scratch->pair_room ? 2 * scratch->pair_room : 16;
		scratch->pairs =
			nx_realloc_array(scratch->pairs, scratch->pair_room, sizeof(*scratch->pairs));
	}
	scratch->pairs[scratch->pair_count++] = *pair;
}

/* Those of its second addresses that this host knows to be the organization's. */
static void pairs_push(const struct nx_planner *planner, const struct nx_member *member)
{
	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_member_family *first = &member->families[i], *second = &member->seconds[i];

		if (first->present && second->present && mesh_holds(planner, &second->address))
			pair_push(planner->scratch,
				  &(const struct address_pair){first->address, second->address});
	}
}

static void carried_push(const struct nx_planner *planner, const struct nx_member *member)
{
	struct nx_plan_scratch *scratch = planner->scratch;

	member_push(&scratch->carried, &scratch->carried_count, &scratch->carried_room, member);
	for (size_t i = 0; i < member->family_count; i++) {
		if (member->families[i].present)
			address_push(scratch, &member->families[i].address);
		if (member->seconds[i].present)
			address_push(scratch, &member->seconds[i].address);
	}
	pairs_push(planner, member);
}

static void carried_collect(const struct nx_planner *planner, const struct nx_entry *relay)
{
	struct nx_plan_scratch *scratch = planner->scratch;
	bool chosen = relay == planner->relay;
	size_t children = 0;

	for (const struct nx_entry *entry = nx_members_first(planner->members); entry;
	     entry = nx_members_next(entry)) {
		const struct nx_member *member = &entry->record->member;

		/* The organization's prefixes, which the chosen one has, hold the address. */
		if (entry->carrier != relay || (chosen && !member->child_prefix_count))
			continue;
		children += member->child_prefix_count;
		if (children <= NX_CARRIED_LIMIT)
			carried_push(planner, member);
	}
	if (scratch->address_count)
		qsort(scratch->addresses, scratch->address_count, sizeof(*scratch->addresses), address_order);
}

static void carried_for(const struct nx_planner *planner, const struct nx_member *member)
{
	const struct nx_entry *relay = relay_entry(planner, member);

	planner->scratch->carried_count = planner->scratch->address_count = 0;
	planner->scratch->pair_count = 0;
	pairs_push(planner, member);
	if (relay)
		carried_collect(planner, relay);
	if (planner->scratch->pair_count)
		qsort(planner->scratch->pairs, planner->scratch->pair_count, sizeof(struct address_pair),
		      address_order);
}

/* --- second addresses ------------------------------------------------------------------ */

static void wanted_push(struct nx_wanted *wanted, const struct nx_prefix *prefix)
{
	if (wanted->prefix_count == wanted->prefix_room) {
		wanted->prefix_room = 2 * wanted->prefix_room + 4;
		wanted->prefixes =
			nx_realloc_array(wanted->prefixes, wanted->prefix_room, sizeof(*wanted->prefixes));
	}
	wanted->prefixes[wanted->prefix_count++] = *prefix;
}

static const struct address_pair *pair_find(const struct nx_plan_scratch *scratch,
					    const struct nx_prefix *prefix)
{
	if (!scratch->pair_count || prefix->bits != 8 * prefix->address.length)
		return NULL;
	/* The address comes first in a pair. */
	return bsearch(&prefix->address, scratch->pairs, scratch->pair_count, sizeof(*scratch->pairs),
		       address_order);
}

/* While the organization is renumbered, what leads to a host's first address leads to its second one too, and
 * what leads to the organization's prefix leads to the other one. */
static void seconds_add(const struct nx_planner *planner, struct nx_wanted *wanted)
{
	size_t planned = wanted->prefix_count;

	for (size_t i = 0; i < planned; i++) {
		const struct nx_prefix prefix = wanted->prefixes[i];
		const struct address_pair *pair = pair_find(planner->scratch, &prefix);

		if (pair)
			wanted_push(wanted, &(const struct nx_prefix){pair->second, prefix.bits});
		for (size_t j = 0; j < planner->self.family_count; j++) {
			if (facts_are_of(&planner->self.families[j], &prefix) &&
			    planner->self.seconds[j].present)
				wanted_push(wanted, &planner->self.seconds[j].organization);
		}
	}
}

/* --- the plan ------------------------------------------------------------------------- */

static enum nx_status relay_plan(const struct nx_planner *planner, const struct nx_member *member,
				 struct nx_wanted *wanted, struct nx_peer_plan *plan)
{
	const struct nx_capabilities *capabilities = planner->capabilities;
	struct nx_mesh mesh = mesh_view(planner);

	mesh.carried = planner->scratch->carried;
	mesh.carried_count = planner->scratch->carried_count;
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
	wanted->endpoint_count = 0;
	wanted->refusal = NULL;
	wanted->refused_count = 0;
}

static void endpoints_judge(const struct nx_planner *planner, const struct nx_peer_plan *plan,
			    struct nx_wanted *wanted)
{
	wanted->endpoint_count = 0;
	for (size_t i = 0; i < plan->endpoint_count && i < NX_ENDPOINTS_LIMIT; i++) {
		if (plan->endpoints[i].port && endpoint_fit(planner, &plan->endpoints[i]))
			wanted->endpoints[wanted->endpoint_count++] = plan->endpoints[i];
	}
}

enum nx_status nx_plan_member(const struct nx_planner *planner, const struct nx_member *member,
			      struct nx_wanted *out, struct nx_error *error)
{
	struct nx_peer_plan plan;
	enum nx_status status;

	carried_for(planner, member);
	status = relay_plan(planner, member, out, &plan);
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
	out->prefix_count = plan.path == NX_PATH_NONE || plan.path == NX_PATH_PROBE ? 0 : plan.prefix_count;
	/* What completes no handshake has nothing to keep alive, and no way to tell that it is. */
	out->keepalive_seconds =
		planner->capabilities->driver->lacks & NX_DRIVER_NO_HANDSHAKES ? 0 : plan.keepalive_seconds;
	endpoints_judge(planner, &plan, out);
	seconds_add(planner, out);
	prefixes_judge(planner, member, out);
	/* Nothing of what it should carry may be routed: it is no peer then. */
	if (!out->prefix_count && out->path != NX_PATH_PROBE)
		out->path = NX_PATH_NONE;
	return NX_OK;
}
