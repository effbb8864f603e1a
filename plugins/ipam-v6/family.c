/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam-v6/family.h"

/* Special-purpose addresses (RFC 4291, RFC 6890) that are no tunnel's, neither inside nor outside. */
static const struct ipam_special specials[] = {
	{{{16, {0}}, 8}, "reserved: loopback, unspecified, IPv4-mapped (RFC 4291)"},
	{{{16, {0xfe, 0x80}}, 10}, "link-local (RFC 4291)"},
	{{{16, {0xfe, 0xc0}}, 10}, "site-local, which no longer exists (RFC 3879)"},
	{{{16, {0xff}}, 8}, "multicast (RFC 4291)"},
};

/* All but 2000::/3, from which alone global addresses are given (RFC 4291 §2.4). */
static const struct nx_prefix privates[] = {
	{{16, {0}}, 3},
	{{16, {0x40}}, 2},
	{{16, {0x80}}, 1},
};

enum {
	IDENTIFIER_BITS = 64,
	ANYCAST_COUNT = 128, /* RFC 2526: the last 7 bits */
};

/* The last reserved anycast number where identifiers have the EUI-64 form (RFC 2526 §2). */
#define ANYCAST_EUI_LAST 0xfdffffffffffffffu

/* Is `number` one of the 128 that end with `last`? */
static bool anycast_ending(ipam_number number, ipam_number last)
{
	return number <= last && last - number < ANYCAST_COUNT;
}

/*
 * In every subnet, that is in each /64 of a larger prefix: the Subnet-Router anycast address (identifier 0,
 * RFC 4291 §2.6.1) and the reserved anycast addresses at its top (RFC 2526), in both of their forms.
 */
static bool number_reserved(unsigned host_bits, ipam_number number, ipam_number *last)
{
	unsigned bits = host_bits < IDENTIFIER_BITS ? host_bits : IDENTIFIER_BITS;
	ipam_number top = ipam_number_count(bits) - 1;
	ipam_number identifier = number & top;

	if (identifier == 0)
		*last = number;
	else if (anycast_ending(identifier, top))
		*last = number | top;
	else if (bits == IDENTIFIER_BITS && anycast_ending(identifier, ANYCAST_EUI_LAST))
		*last = number - identifier + ANYCAST_EUI_LAST;
	else
		return false;
	return true;
}

static uint64_t capacity(unsigned host_bits)
{
	if (host_bits > IDENTIFIER_BITS)
		return UINT64_MAX;
	ipam_number anycast = host_bits == IDENTIFIER_BITS ? 2 * ANYCAST_COUNT : ANYCAST_COUNT;
	return (uint64_t)(ipam_number_count(host_bits) - 1 - anycast);
}

const struct ipam_family ipam_v6_family = {
	.label = IPAM_V6_LABEL,
	.address_length = 16,
	.bits_minimum = 32, /* what a provider has for all of its customers */
	.bits_maximum = 120,
	.bits_site = 48, /* RFC 6177 */
	.specials = specials,
	.special_count = sizeof(specials) / sizeof(specials[0]),
	.privates = privates,
	.private_count = sizeof(privates) / sizeof(privates[0]),
	.fields =
		{
			.prefix = IPAM_V6_PREFIX,
			.address = IPAM_V6_ADDRESS,
			.second_prefix = IPAM_V6_SECOND_PREFIX,
			.second_address = IPAM_V6_SECOND_ADDRESS,
			.endpoint = IPAM_V6_ENDPOINT,
			.supported = IPAM_V6_SUPPORTED,
			.reflexive = IPAM_V6_REFLEXIVE,
		},
	.reserved = number_reserved,
	.capacity = capacity,
};
