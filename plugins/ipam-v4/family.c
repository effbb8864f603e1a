/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam-v4/family.h"

/* Special-purpose addresses (RFC 6890) that are no tunnel's, neither inside nor outside. */
static const struct ipam_special specials[] = {
	{{{4, {0}}, 8}, "\"this network\" (RFC 791)"},	  {{{4, {127}}, 8}, "loopback (RFC 1122)"},
	{{{4, {169, 254}}, 16}, "link-local (RFC 3927)"}, {{{4, {224}}, 4}, "multicast (RFC 1112)"},
	{{{4, {240}}, 4}, "reserved (RFC 1112)"},
};

/* Private, shared, and other addresses that are not routed everywhere (RFC 6890). */
static const struct nx_prefix privates[] = {
	{{4, {10}}, 8},	      {{4, {172, 16}}, 12},   {{4, {192, 168}}, 16},
	{{4, {100, 64}}, 10}, {{4, {192, 0, 0}}, 24}, {{4, {198, 18}}, 15},
};

/* The network's and the broadcast address. */
static bool number_reserved(unsigned host_bits, ipam_number number, ipam_number *last)
{
	*last = number;
	return number == 0 || number == ipam_number_count(host_bits) - 1;
}

static uint64_t capacity(unsigned host_bits)
{
	return (uint64_t)ipam_number_count(host_bits) - 2;
}

const struct ipam_family ipam_v4_family = {
	.label = IPAM_V4_LABEL,
	.address_length = 4,
	.bits_minimum = 8,
	.bits_maximum =
		30, /* below that no address is left beside the reserved two (RFC 3021 is for links) */
	.bits_site = 16,
	.specials = specials,
	.special_count = sizeof(specials) / sizeof(specials[0]),
	.privates = privates,
	.private_count = sizeof(privates) / sizeof(privates[0]),
	.fields =
		{
			.prefix = IPAM_V4_PREFIX,
			.address = IPAM_V4_ADDRESS,
			.second_prefix = IPAM_V4_SECOND_PREFIX,
			.second_address = IPAM_V4_SECOND_ADDRESS,
			.endpoint = IPAM_V4_ENDPOINT,
			.reflexive = IPAM_V4_REFLEXIVE,
			.local_address = IPAM_V4_LOCAL_ADDRESS,
		},
	.reserved = number_reserved,
	.capacity = capacity,
};
