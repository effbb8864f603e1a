/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/relay_choice.h"

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

/* The one that others take this host to use. */
static struct nx_entry *relay_expected(const struct nx_planner *planner)
{
	struct nx_entry *named;

	for (size_t i = 0; i < planner->relay_count; i++) {
		named = planner->relays[i];
		if (strcmp(named->record->member.id, planner->self.standing.via) == 0)
			return named;
	}
	return relay_preferred(planner);
}

/* The one that this host uses, or at a start the one that others take it to use. */
static struct nx_entry *relay_before(const struct nx_planner *planner)
{
	return planner->relay ? planner->relay : relay_expected(planner);
}

/*
 * The one to be had among equals. Others that have not heard that this host left its relay go on
 * looking for it there, and for as long as the service is away: where they look it is to be found.
 */
static struct nx_entry *relay_favoured(struct nx_planner *planner)
{
	struct nx_entry *expected = relay_expected(planner);

	if (expected && strcmp(expected->record->member.id, planner->relay_left) == 0)
		return expected;
	planner->relay_left[0] = '\0';
	return relay_before(planner);
}

static struct nx_entry *relay_best(const struct nx_planner *planner, const struct nx_entry *favoured)
{
	struct nx_entry *best = NULL;

	for (size_t i = 0; i < planner->relay_count; i++) {
		struct nx_entry *entry = planner->relays[i];
		unsigned grade = relay_grade(entry), best_grade = best ? relay_grade(best) : UINT_MAX;

		if (grade < best_grade || (grade == best_grade && best != favoured &&
					   (entry == favoured || relay_prefer(planner, entry, best))))
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
	struct nx_entry *before = relay_before(planner), *best = relay_best(planner, relay_favoured(planner));
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

static void relay_leave(struct nx_planner *planner, const struct nx_entry *held)
{
	const struct nx_member *member = held ? &held->record->member : NULL;

	if (member && planner->relay != held && member->direct == NX_DIRECT_FAILS)
		memcpy(planner->relay_left, member->id, strlen(member->id) + 1);
}

bool nx_relay_choose(struct nx_planner *planner)
{
	const struct nx_entry *held = planner->relay;
	bool was_self = planner->relay_is_self;

	planner->relay_is_self = planner->self.standing.relay;
	planner->relay_next = NULL;
	planner->relay = planner->relay_is_self ? NULL : relay_decide(planner);
	relay_leave(planner, held);
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
