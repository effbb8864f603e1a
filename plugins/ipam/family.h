/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an address family is to this product: which prefixes an organization may have, which addresses in them
 * may never be given, and how the fields of a record are called. Each family's folder has one constant of
 * this type, and both of its halves use it: a server that would hand out something unfit is caught by the
 * agent with the same rules.
 *
 * Everything here may be called on any thread and writes nothing shared.
 */
#ifndef IPAM_FAMILY_H
#define IPAM_FAMILY_H

#include <nexodus/plugin.h>

#include "plugins/ipam/number.h"

/* Addresses that no organization may have, and that no tunnel packet is sent to. */
struct ipam_special {
	struct nx_prefix prefix;
	const char *meaning; /* "link-local" */
};

/* The members of a device record; NULL where a family has none. */
struct ipam_fields {
	const char *prefix;
	const char *address;
	const char *second_prefix; /* of the address that it has beside the first while it is renumbered */
	const char *second_address;
	const char *endpoint;
	const char *supported;
	const char *reflexive;	   /* the endpoint that the outside sees */
	const char *local_address; /* the endpoint's address alone */
};

struct ipam_family {
	const char *label; /* "IPv4" */
	uint8_t address_length;
	uint8_t bits_minimum; /* of an organization's prefix */
	uint8_t bits_site; /* a network that is not private and shorter than this is as wide as many sites */
	uint8_t bits_maximum;
	const struct ipam_special *specials;
	size_t special_count;
	const struct nx_prefix *privates; /* what is not of the public Internet, beside the specials */
	size_t private_count;
	struct ipam_fields fields;
	/*
	 * Is this number of a prefix with `host_bits` reserved? Then `*last` is the last number of the
	 * reserved run it belongs to.
	 */
	bool (*reserved)(unsigned host_bits, ipam_number number, ipam_number *last);
	/* How many numbers are not reserved; UINT64_MAX when more. */
	uint64_t (*capacity)(unsigned host_bits);
};

/* May an organization have this prefix, whose host bits are 0? NX_INVALID says why not. */
enum nx_status ipam_prefix_judge(const struct ipam_family *family, const struct nx_services *services,
				 const struct nx_prefix *prefix, struct nx_error *error);

/* May a device say that this network is behind it? NX_INVALID says why not. */
enum nx_status ipam_network_judge(const struct ipam_family *family, const struct nx_services *services,
				  const struct nx_prefix *network, struct nx_error *error);
/* NX_DENIED, saying why: it reaches beyond the private addresses and is wider than a site's. */
enum nx_status ipam_network_width(const struct ipam_family *family, const struct nx_services *services,
				  const struct nx_prefix *network, struct nx_error *error);

/* What special thing the address is: its meaning, or NULL when it is an ordinary one. */
const char *ipam_address_special(const struct ipam_family *family, const struct nx_services *services,
				 const struct nx_address *address);

/* Is it an address of the public Internet? Those set aside for documentation count as such. */
bool ipam_address_public(const struct ipam_family *family, const struct nx_services *services,
			 const struct nx_address *address);

/*
 * Parse and judge what a person wrote for an organization. NX_INVALID with a message that says what would be
 * right; `error->field` is left empty.
 */
enum nx_status ipam_prefix_read(const struct ipam_family *family, const struct nx_services *services,
				const char *text, struct nx_prefix *out, struct nx_error *error);

#endif
