/* SPDX-License-Identifier: Apache-2.0 */
/* Several ranges in order, and what they leave open of a prefix. */
#include <stdlib.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/range.h"

void nx_ranges_add(struct nx_ranges *ranges, const struct nx_range *range)
{
	if (ranges->count == ranges->room) {
		ranges->room = ranges->room ? 2 * ranges->room : 4;
		ranges->range = nx_realloc_array(ranges->range, ranges->room, sizeof(*ranges->range));
	}
	ranges->range[ranges->count++] = *range;
}

void nx_ranges_clear(struct nx_ranges *ranges)
{
	free(ranges->range);
	*ranges = (struct nx_ranges){0};
}

static int by_first(const void *a, const void *b)
{
	const struct nx_range *one = a, *other = b;

	return nx_address_compare(&one->first, &other->first);
}

/* Does `next`, which begins no earlier, overlap `range` or follow it without a gap? */
static bool joins(const struct nx_range *range, const struct nx_range *next)
{
	struct nx_address after;

	return range->first.length == next->first.length &&
	       (!nx_address_next(&range->last, &after) || nx_address_compare(&next->first, &after) <= 0);
}

void nx_ranges_settle(struct nx_ranges *ranges)
{
	size_t kept = 0;

	if (!ranges->count)
		return;
	qsort(ranges->range, ranges->count, sizeof(*ranges->range), by_first);
	for (size_t i = 1; i < ranges->count; i++) {
		struct nx_range *last = &ranges->range[kept];
		const struct nx_range *next = &ranges->range[i];

		if (!joins(last, next))
			ranges->range[++kept] = *next;
		else if (nx_address_compare(&next->last, &last->last) > 0)
			last->last = next->last;
	}
	ranges->count = kept + 1;
}

const struct nx_range *nx_ranges_from(const struct nx_ranges *ranges, const struct nx_address *address)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (nx_address_compare(&ranges->range[middle].last, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->count ? &ranges->range[low] : NULL;
}

bool nx_ranges_contain(const struct nx_ranges *ranges, const struct nx_address *address)
{
	const struct nx_range *range = nx_ranges_from(ranges, address);

	return range && nx_range_contains(range, address);
}

/* --- what is open ---------------------------------------------------------------------------- */

/* What is left of one range when all that is closed is taken out. */
static void leave_open(const struct nx_range *range, const struct nx_ranges *closed, struct nx_ranges *out)
{
	const struct nx_range *end = closed->range + closed->count;
	struct nx_range rest = *range;

	for (const struct nx_range *at = nx_ranges_from(closed, &range->first);
	     at && at < end && nx_range_overlaps(at, &rest); at++) {
		struct nx_range before = rest;

		if (nx_address_compare(&rest.first, &at->first) < 0 &&
		    nx_address_previous(&at->first, &before.last))
			nx_ranges_add(out, &before);
		if (!nx_address_next(&at->last, &rest.first) ||
		    nx_address_compare(&rest.first, &range->last) > 0)
			return;
	}
	nx_ranges_add(out, &rest);
}

static struct nx_range intersection(const struct nx_range *a, const struct nx_range *b)
{
	return (struct nx_range){
		.first = nx_address_compare(&a->first, &b->first) > 0 ? a->first : b->first,
		.last = nx_address_compare(&a->last, &b->last) < 0 ? a->last : b->last,
	};
}

void nx_ranges_open(const struct nx_prefix *prefix, const struct nx_ranges *given,
		    const struct nx_ranges *closed, struct nx_ranges *out)
{
	const struct nx_range whole = nx_range_of(prefix);
	bool any = false;

	for (size_t i = 0; i < given->count; i++) {
		struct nx_range part;

		if (!nx_range_overlaps(&given->range[i], &whole))
			continue;
		part = intersection(&given->range[i], &whole);
		leave_open(&part, closed, out);
		any = true;
	}
	if (!any)
		leave_open(&whole, closed, out);
}
