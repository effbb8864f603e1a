/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/relay_choice.h"

#include <limits.h>
#include <string.h>

/* How fit a relay is for this host: the fewer, the better. */
static unsigned relay_grade(const struct nx_entry *entry)
{
	const struct nx_member *member = &entry->record->member;

	return (member->direct == NX_DIRECT_FAILS ? 2u : 0u) + (member->standing.draining ? 1u : 0u);
}

static bool relay_prefer(const struct nx_planner *planner, const struct nx_entry *a, const struct nx_entry *b)
{
	const struct nx_capabilities *capabilities = planner->capabilities;

	return capabilities->relay->prefer(capabilities->relay_instance, &planner->self, &a->record->member,
					   &b->record->member);
}

/* That everybody expects a host to use that says nothing. */
static struct nx_entry *relay_preferred(const struct nx_planner *planner)
{
	struct nx_entry *best = NULL;

	for (size_t i = 0; i < planner->relay_count; i++) {
		if (!best || relay_prefer(planner, planner->relays[i], best))
			best = planner->relays[i];
	}
	return best;
}

/* The one that this host uses, or at a start the one that others take it to use. */
static struct nx_entry *relay_before(const struct nx_planner *planner)
{
	struct nx_entry *named;

	if (planner->relay)
		return planner->relay;
	for (size_t i = 0; i < planner->relay_count; i++) {
		named = planner->relays[i];
		if (strcmp(named->record->member.id, planner->self.standing.via) == 0)
			return named;
	}
	return relay_preferred(planner);
}

static struct nx_entry *relay_best(const struct nx_planner *planner, const struct nx_entry *before)
{
	struct nx_entry *best = NULL;

	for (size_t i = 0; i < planner->relay_count; i++) {
		struct nx_entry *entry = planner->relays[i];
		unsigned grade = relay_grade(entry), best_grade = best ? relay_grade(best) : UINT_MAX;

		if (grade < best_grade || (grade == best_grade && best != before &&
					   (entry == before || relay_prefer(planner, entry, best))))
			best = entry;
	}
	return best;
}

static void via_put(const struct nx_planner *planner, const struct nx_entry *relay,
		    char via[static NX_DEVICE_ID_TEXT])
{
	via[0] = '\0';
	/* To hosts that reach everybody directly it makes no difference: they need not tell. */
	if (!relay || (!planner->self.standing.spoke && !planner->detours))
		return;
	if (relay != relay_preferred(planner))
		memcpy(via, relay->record->member.id, strlen(relay->record->member.id) + 1);
}

void nx_planner_via(const struct nx_planner *planner, char via[static NX_DEVICE_ID_TEXT])
{
	via_put(planner, planner->relay_next ? planner->relay_next : planner->relay, via);
}

/* Is it to be used on, until everybody knows of the next one? */
static bool relay_lingers(const struct nx_entry *before, const struct nx_entry *best)
{
	return before && best && best != before && before->record->member.standing.draining &&
	       before->record->member.direct != NX_DIRECT_FAILS;
}

/* Where nothing is sent to find out, nothing is found out. */
static bool relay_proven(const struct nx_entry *entry)
{
	return entry->record->member.direct == NX_DIRECT_WORKS || !entry->applied.keepalive_seconds;
}

static struct nx_entry *relay_decide(struct nx_planner *planner)
{
	struct nx_entry *before = relay_before(planner), *best = relay_best(planner, before);
	char via[NX_DEVICE_ID_TEXT];

	planner->relay_next = NULL;
	if (!relay_lingers(before, best))
		return best;
	if (!relay_proven(best))
		return before;
	via_put(planner, best, via);
	if (strcmp(via, planner->self.standing.via) == 0)
		return best;
	planner->relay_next = best;
	return before;
}

bool nx_relay_choose(struct nx_planner *planner)
{
	const struct nx_entry *held = planner->relay;
	bool was_self = planner->relay_is_self;

	planner->relay_is_self = planner->self.standing.relay;
	planner->relay_next = NULL;
	planner->relay = planner->relay_is_self ? NULL : relay_decide(planner);
	return planner->relay != held || planner->relay_is_self != was_self;
}

/* --- for a relay ------------------------------------------------------------------------- */

size_t nx_relay_spokes(const struct nx_planner *planner)
{
	size_t count = 0;

	if (!planner->known || !planner->self.standing.relay)
		return 0;
	for (const struct nx_entry *entry = nx_members_first(planner->members); entry;
	     entry = nx_members_next(entry))
		count += entry->record->member.standing.spoke && !entry->carrier;
	return count;
}

size_t nx_relay_others(const struct nx_planner *planner)
{
	size_t count = 0;

	for (size_t i = 0; i < planner->relay_count; i++)
		count += relay_grade(planner->relays[i]) == 0;
	return count;
}
