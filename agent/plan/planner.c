/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/plan/plan_inside.h"
#include "agent/plan/relay_choice.h"
#include "base/memory.h"

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

/* --- this host ----------------------------------------------------------------------------------- */

bool nx_plan_width_fit(const struct nx_planner *planner, const struct nx_prefix *network)
{
	const struct nx_family *family = nx_family_of_length(planner->capabilities, network->address.length);

	return !family || family->ops->network_check(family->instance, network, NULL) != NX_DENIED ||
	       nx_trust_accepts(&planner->trust, network);
}

static const char *self_refusal(const struct nx_planner *planner, const struct nx_member_family *family)
{
	if (!family->present)
		return NULL;
	if (!nx_plan_width_fit(planner, &family->organization))
		return "the organization's prefix is as wide as a part of the Internet (accept-networks "
		       "would allow it)";
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

bool nx_planner_guard(struct nx_planner *planner, struct nx_guard *guard)
{
	bool same = nx_guard_same(&planner->guard, guard);

	nx_guard_release(&planner->guard);
	planner->guard = *guard;
	*guard = (struct nx_guard){0};
	return !same;
}

/* --- the mesh ------------------------------------------------------------------------------------ */

static const struct nx_member *relay_member(const struct nx_planner *planner)
{
	if (planner->relay_is_self)
		return &planner->self;
	return planner->relay ? &planner->relay->record->member : NULL;
}

void nx_plan_push(const struct nx_member ***list, size_t *count, size_t *room, const struct nx_member *member)
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
			nx_plan_push(&scratch->relays, &scratch->relay_count, &scratch->relay_room,
				     &planner->self);
			self_due = false;
		}
		if (relay)
			nx_plan_push(&scratch->relays, &scratch->relay_count, &scratch->relay_room, relay);
	}
}

struct nx_mesh nx_plan_mesh(const struct nx_planner *planner)
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

struct nx_entry *nx_plan_relay_entry(const struct nx_planner *planner, const struct nx_member *member)
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
	struct nx_mesh mesh = nx_plan_mesh(planner);

	planner->detours = 0;
	for (struct nx_entry *entry = nx_members_first(planner->members); entry;
	     entry = nx_members_next(entry)) {
		const struct nx_member *member = &entry->record->member;
		struct nx_entry *carrier = nx_plan_relay_entry(
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
