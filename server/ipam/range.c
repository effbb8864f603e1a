/* SPDX-License-Identifier: Apache-2.0 */
/* One range of addresses. */
#include "server/ipam/range.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"

/* --- text -------------------------------------------------------------------------------------- */

static enum nx_status prefix_read(const char *text, const char *field, const struct nx_prefix *prefix,
				  struct nx_range *out, struct nx_error *error)
{
	const struct nx_prefix masked = nx_prefix_mask(prefix);
	char right[NX_ADDRESS_TEXT], address[NX_ADDRESS_TEXT];

	if (nx_prefix_compare(&masked, prefix) != 0)
		return nx_fail(error, NX_INVALID, field,
			       "'%s' has host bits set: write %s, or %s for that one address", text,
			       nx_prefix_format(&masked, right),
			       nx_address_format(&prefix->address, address));
	*out = nx_range_of(prefix);
	return NX_OK;
}

static enum nx_status ends_read(const char *text, const char *dash, const char *field, struct nx_range *out,
				struct nx_error *error)
{
	char first[NX_ADDRESS_TEXT];
	size_t length = (size_t)(dash - text);
	struct nx_range range;

	if (length >= sizeof(first))
		return nx_fail(error, NX_INVALID, field, "expected an address, FIRST-LAST or a prefix");
	memcpy(first, text, length);
	first[length] = '\0';
	if (!nx_address_parse(first, &range.first) || !nx_address_parse(dash + 1, &range.last))
		return nx_fail(error, NX_INVALID, field, "'%.*s' is not of the form FIRST-LAST",
			       NX_RANGE_TEXT, text);
	if (range.first.length != range.last.length)
		return nx_fail(error, NX_INVALID, field,
			       "'%s' begins in one address family and ends in another", text);
	if (nx_address_compare(&range.first, &range.last) > 0)
		return nx_fail(error, NX_INVALID, field, "'%s' runs backwards: write %s-%s", text, dash + 1,
			       first);
	*out = range;
	return NX_OK;
}

enum nx_status nx_range_read(const char *text, const char *field, struct nx_range *out,
			     struct nx_error *error)
{
	const char *dash = strchr(text, '-');
	struct nx_prefix prefix;
	struct nx_address address;

	if (dash)
		return ends_read(text, dash, field, out, error);
	if (nx_prefix_parse(text, &prefix))
		return prefix_read(text, field, &prefix, out, error);
	if (!nx_address_parse(text, &address))
		return nx_fail(error, NX_INVALID, field,
			       "'%.*s' is neither an address, FIRST-LAST nor a prefix", NX_RANGE_TEXT, text);
	*out = (struct nx_range){address, address};
	return NX_OK;
}

bool nx_range_parse(const char *first, const char *last, struct nx_range *out)
{
	struct nx_range range;

	if (!nx_address_parse(first, &range.first) || !nx_address_parse(last, &range.last) ||
	    range.first.length != range.last.length || nx_address_compare(&range.first, &range.last) > 0)
		return false;
	*out = range;
	return true;
}

char *nx_range_format(const struct nx_range *range, char text[static NX_RANGE_TEXT])
{
	char last[NX_ADDRESS_TEXT];
	size_t used = strlen(nx_address_format(&range->first, text));

	if (nx_address_compare(&range->first, &range->last) != 0)
		snprintf(text + used, NX_RANGE_TEXT - used, "-%s", nx_address_format(&range->last, last));
	return text;
}

/* --- arithmetic -------------------------------------------------------------------------------- */

struct nx_range nx_range_of(const struct nx_prefix *prefix)
{
	struct nx_range range = {.first = nx_prefix_mask(prefix).address, .last = prefix->address};

	for (unsigned bit = prefix->bits; bit < range.last.length * 8u; bit++)
		range.last.bytes[bit / 8] = (uint8_t)(range.last.bytes[bit / 8] | 0x80u >> bit % 8);
	return range;
}

bool nx_range_contains(const struct nx_range *range, const struct nx_address *address)
{
	return address->length == range->first.length && nx_address_compare(&range->first, address) <= 0 &&
	       nx_address_compare(address, &range->last) <= 0;
}

bool nx_range_overlaps(const struct nx_range *a, const struct nx_range *b)
{
	return a->first.length == b->first.length && nx_address_compare(&a->first, &b->last) <= 0 &&
	       nx_address_compare(&b->first, &a->last) <= 0;
}

bool nx_range_equal(const struct nx_range *a, const struct nx_range *b)
{
	return nx_range_within(a, b) && nx_range_within(b, a);
}

bool nx_range_within(const struct nx_range *inner, const struct nx_range *outer)
{
	return nx_range_contains(outer, &inner->first) && nx_range_contains(outer, &inner->last);
}

__extension__ typedef unsigned __int128 number;

static number number_of(const struct nx_address *address)
{
	number value = 0;

	for (unsigned i = 0; i < address->length && i < NX_ADDRESS_BYTES; i++)
		value = value << 8 | address->bytes[i];
	return value;
}

uint64_t nx_range_size(const struct nx_range *range)
{
	const number apart = number_of(&range->last) - number_of(&range->first);

	return apart >= UINT64_MAX ? UINT64_MAX : (uint64_t)apart + 1;
}

bool nx_address_next(const struct nx_address *address, struct nx_address *out)
{
	struct nx_address next = *address;

	for (unsigned i = address->length; i-- > 0;) {
		if (++next.bytes[i]) {
			*out = next;
			return true;
		}
	}
	return false;
}

bool nx_address_previous(const struct nx_address *address, struct nx_address *out)
{
	struct nx_address previous = *address;

	for (unsigned i = address->length; i-- > 0;) {
		if (previous.bytes[i]--) {
			*out = previous;
			return true;
		}
	}
	return false;
}
