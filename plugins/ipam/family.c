/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/family.h"

static enum nx_status length_judge(const struct ipam_family *family, const struct nx_services *services,
				   const struct nx_prefix *prefix, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	if (prefix->address.length != family->address_length)
		return services->fail(error, NX_INVALID, NULL, "%s is not an %s prefix",
				      services->address->prefix_format(prefix, text), family->label);
	if (prefix->bits >= family->bits_minimum && prefix->bits <= family->bits_maximum)
		return NX_OK;
	return services->fail(error, NX_INVALID, NULL,
			      "%s is too %s for an organization: an %s prefix from /%u to /%u is needed",
			      services->address->prefix_format(prefix, text),
			      prefix->bits < family->bits_minimum ? "large" : "small", family->label,
			      family->bits_minimum, family->bits_maximum);
}

/* `verb`: what the prefix cannot be. */
static enum nx_status specials_judge(const struct ipam_family *family, const struct nx_services *services,
				     const struct nx_prefix *prefix, const char *verb, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT], special[NX_ADDRESS_TEXT];

	for (size_t i = 0; i < family->special_count; i++) {
		if (!services->address->prefix_overlaps(&family->specials[i].prefix, prefix))
			continue;
		return services->fail(error, NX_INVALID, NULL, "%s cannot be %s: %s is %s",
				      services->address->prefix_format(prefix, text), verb,
				      services->address->prefix_format(&family->specials[i].prefix, special),
				      family->specials[i].meaning);
	}
	return NX_OK;
}

enum nx_status ipam_prefix_judge(const struct ipam_family *family, const struct nx_services *services,
				 const struct nx_prefix *prefix, struct nx_error *error)
{
	enum nx_status status = length_judge(family, services, prefix, error);

	if (status != NX_OK)
		return status;
	return specials_judge(family, services, prefix, "an organization's prefix", error);
}

enum nx_status ipam_network_judge(const struct ipam_family *family, const struct nx_services *services,
				  const struct nx_prefix *network, struct nx_error *error)
{
	return specials_judge(family, services, network, "a network behind a device", error);
}

enum nx_status ipam_network_width(const struct ipam_family *family, const struct nx_services *services,
				  const struct nx_prefix *network, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	if (network->bits >= family->bits_site)
		return NX_OK;
	for (size_t i = 0; i < family->private_count; i++) {
		if (family->privates[i].bits <= network->bits &&
		    services->address->prefix_contains(&family->privates[i], &network->address))
			return NX_OK;
	}
	return services->fail(error, NX_DENIED, NULL, "%s is wider than /%u, and not of private addresses",
			      services->address->prefix_format(network, text), family->bits_site);
}

const char *ipam_address_special(const struct ipam_family *family, const struct nx_services *services,
				 const struct nx_address *address)
{
	for (size_t i = 0; i < family->special_count; i++) {
		if (services->address->prefix_contains(&family->specials[i].prefix, address))
			return family->specials[i].meaning;
	}
	return NULL;
}

bool ipam_address_public(const struct ipam_family *family, const struct nx_services *services,
			 const struct nx_address *address)
{
	if (address->length != family->address_length || ipam_address_special(family, services, address))
		return false;
	for (size_t i = 0; i < family->private_count; i++) {
		if (services->address->prefix_contains(&family->privates[i], address))
			return false;
	}
	return true;
}
