/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of addresses: text and arithmetic, and what of a prefix is open when some of it is
 * reserved. Addresses are their bytes: no family is known here. Pure functions: any thread.
 */
#ifndef NX_SERVER_IPAM_RANGE_H
#define NX_SERVER_IPAM_RANGE_H

#include <nexodus/address.h>
#include <nexodus/error.h>

/* From first to last, both included; of one length, and in order. */
struct nx_range {
	struct nx_address first, last;
};

/* "FIRST-LAST", or the address when it is but one. */
#define NX_RANGE_TEXT 128

/*
 * "ADDRESS", "FIRST-LAST" or a prefix without host bits. NX_INVALID, with `field`, says what would
 * be right.
 */
enum nx_status nx_range_read(const char *text, const char *field, struct nx_range *out,
			     struct nx_error *error);
/* Both addresses as texts, as they are stored; false: they are no range. */
bool nx_range_parse(const char *first, const char *last, struct nx_range *out);
char *nx_range_format(const struct nx_range *range, char text[static NX_RANGE_TEXT]);

struct nx_range nx_range_of(const struct nx_prefix *prefix); /* all of it */
bool nx_range_contains(const struct nx_range *range, const struct nx_address *address);
bool nx_range_overlaps(const struct nx_range *a, const struct nx_range *b);
bool nx_range_equal(const struct nx_range *a, const struct nx_range *b);
/* Does all of `inner` lie in `outer`? */
bool nx_range_within(const struct nx_range *inner, const struct nx_range *outer);
/* How many addresses; UINT64_MAX when more. */
uint64_t nx_range_size(const struct nx_range *range);

/* The next address, and the one before; false, *out untouched: there is none of that length. */
bool nx_address_next(const struct nx_address *address, struct nx_address *out);
bool nx_address_previous(const struct nx_address *address, struct nx_address *out);

/* Ranges in ascending order that do not touch. Zero-initialized is empty. */
struct nx_ranges {
	struct nx_range *range;
	size_t count, room;
};

void nx_ranges_add(struct nx_ranges *ranges, const struct nx_range *range); /* at the end */
void nx_ranges_clear(struct nx_ranges *ranges);
/* Bring what was added in any order into order, and make one of those that overlap or touch. */
void nx_ranges_settle(struct nx_ranges *ranges);
/* The first one that ends at `address` or later; NULL: none. In the time of a binary search. */
const struct nx_range *nx_ranges_from(const struct nx_ranges *ranges, const struct nx_address *address);
bool nx_ranges_contain(const struct nx_ranges *ranges, const struct nx_address *address);
/*
 * What is open in a prefix: all of it, or, when there is any, only what lies in `given`; without
 * what is in `closed`. Both are settled; what they have outside the prefix does not count. *out is
 * empty before.
 */
void nx_ranges_open(const struct nx_prefix *prefix, const struct nx_ranges *given,
		    const struct nx_ranges *closed, struct nx_ranges *out);

#endif
