/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A family's part of a device record. The record comes from a server that may be hostile or broken: what
 * would take over traffic of this host that is none of the mesh's is refused here.
 */
#include "plugins/ipam/agent.h"

/* A member's text; "" when it is absent. False: it is something else. */
static bool text_member(const struct ipam_agent *agent, const struct nx_json *device, const char *name,
			const char **out)
{
	const struct nx_json *member = name ? agent->services->json->member(device, name) : NULL;

	*out = member ? agent->services->json->string(member) : "";
	return *out != NULL;
}

/* Does the device say that it cannot do the family? Older clients do not say, and can. */
static bool family_refused(const struct ipam_agent *agent, const struct nx_json *device)
{
	const char *name = agent->family->fields.supported;
	bool supported;

	if (!name)
		return false;
	return agent->services->json->boolean(agent->services->json->member(device, name), &supported) &&
	       !supported;
}

static enum nx_status unfit(const struct ipam_agent *agent, const char *field, const char *why,
			    struct nx_error *error)
{
	return agent->services->fail(error, NX_INVALID, field, "%s of the device record %s", field, why);
}

static enum nx_status prefix_read(const struct ipam_agent *agent, const struct nx_json *device,
				  const char *field, struct nx_prefix *out, struct nx_error *error)
{
	const char *text;
	struct nx_prefix prefix;

	if (!text_member(agent, device, field, &text) ||
	    !agent->services->address->prefix_parse(text, &prefix))
		return unfit(agent, field, "is no prefix", error);
	struct nx_prefix masked = agent->services->address->prefix_mask(&prefix);
	enum nx_status status = ipam_prefix_judge(agent->family, agent->services, &masked, error);
	if (status != NX_OK)
		return status;
	*out = masked;
	return NX_OK;
}

static enum nx_status address_read(const struct ipam_agent *agent, const char *field, const char *text,
				   const struct nx_prefix *organization, struct nx_address *out,
				   struct nx_error *error)
{
	struct nx_address address;
	ipam_number last;

	if (!agent->services->address->address_parse(text, &address) ||
	    address.length != agent->family->address_length)
		return unfit(agent, field, "is no address of its family", error);
	if (!agent->services->address->prefix_contains(organization, &address))
		return unfit(agent, field, "lies outside the organization's prefix", error);
	ipam_number host_part = ipam_number_of(&address) ^ ipam_number_of(&organization->address);
	if (agent->family->reserved(ipam_host_bits(organization), host_part, &last))
		return unfit(agent, field, "is a reserved address", error);
	*out = address;
	return NX_OK;
}

/* Can tunnel packets be sent there? Not into the tunnel itself, nor to an address that is no host's. */
static bool endpoint_fit(const struct ipam_agent *agent, const struct nx_prefix *organization,
			 const struct nx_endpoint *endpoint)
{
	return endpoint->port && endpoint->address.length == agent->family->address_length &&
	       !ipam_address_special(agent->family, agent->services, &endpoint->address) &&
	       !agent->services->address->prefix_contains(organization, &endpoint->address);
}

/* An endpoint of the record; an unfit one is none: the device may still reach us. */
static struct nx_endpoint endpoint_read(const struct ipam_agent *agent, const struct nx_json *device,
					const char *field, const struct nx_prefix *organization)
{
	struct nx_endpoint endpoint;
	const char *text;

	if (text_member(agent, device, field, &text) &&
	    agent->services->address->endpoint_parse(text, &endpoint) &&
	    endpoint_fit(agent, organization, &endpoint))
		return endpoint;
	return (struct nx_endpoint){0};
}

enum nx_status ipam_record_read(void *instance, const struct nx_json *device, struct nx_member_family *out,
				struct nx_error *error)
{
	const struct ipam_agent *agent = instance;
	struct nx_member_family read = {.present = true};
	const char *address;

	if (!text_member(agent, device, agent->family->fields.address, &address))
		return unfit(agent, agent->family->fields.address, "is no text", error);
	if (!*address || family_refused(agent, device)) {
		*out = (struct nx_member_family){0};
		return NX_OK;
	}
	enum nx_status status =
		prefix_read(agent, device, agent->family->fields.prefix, &read.organization, error);
	if (status == NX_OK)
		status = address_read(agent, agent->family->fields.address, address, &read.organization,
				      &read.address, error);
	if (status != NX_OK)
		return status;
	read.endpoint = endpoint_read(agent, device, agent->family->fields.endpoint, &read.organization);
	read.mapped = endpoint_read(agent, device, agent->family->fields.reflexive, &read.organization);
	read.public = read.endpoint.port &&
		      ipam_address_public(agent->family, agent->services, &read.endpoint.address);
	*out = read;
	return NX_OK;
}

enum nx_status ipam_record_read_second(void *instance, const struct nx_json *device,
				       struct nx_member_family *out, struct nx_error *error)
{
	const struct ipam_agent *agent = instance;
	const struct ipam_fields *fields = &agent->family->fields;
	struct nx_member_family read = {.present = true};
	const char *address;

	if (!text_member(agent, device, fields->second_address, &address))
		return unfit(agent, fields->second_address, "is no text", error);
	if (!*address) {
		*out = (struct nx_member_family){0};
		return NX_OK;
	}
	enum nx_status status = prefix_read(agent, device, fields->second_prefix, &read.organization, error);
	if (status == NX_OK)
		status = address_read(agent, fields->second_address, address, &read.organization,
				      &read.address, error);
	if (status == NX_OK)
		*out = read;
	return status;
}

/* What is not known is not said: the record may have it from an earlier run. What a server on this very host
 * has seen, a loopback address, is of no use to others. */
static void mapped_describe(const struct ipam_agent *agent, const struct nx_endpoint *mapped,
			    struct nx_json_writer *writer)
{
	const char *field = agent->family->fields.reflexive;
	char text[NX_ADDRESS_TEXT] = "";

	if (!field || mapped->address.length != agent->family->address_length)
		return;
	if (mapped->port && !ipam_address_special(agent->family, agent->services, &mapped->address))
		agent->services->address->endpoint_format(mapped, text);
	agent->services->json->put_string(writer, field, text);
}

enum nx_status ipam_record_network_check(void *instance, const struct nx_prefix *network,
					 struct nx_error *error)
{
	const struct ipam_agent *agent = instance;

	enum nx_status status = ipam_network_judge(agent->family, agent->services, network, error);

	return status == NX_OK ? ipam_network_width(agent->family, agent->services, network, error) : status;
}

void ipam_record_describe(void *instance, const struct nx_family_self *self, struct nx_json_writer *writer)
{
	const struct ipam_agent *agent = instance;
	const struct nx_json_services *json = agent->services->json;
	const struct ipam_fields *fields = &agent->family->fields;
	const struct nx_endpoint *endpoint = &self->endpoint;
	bool known = endpoint->port && endpoint->address.length == agent->family->address_length;
	char text[NX_ADDRESS_TEXT];

	if (fields->supported)
		json->put_boolean(writer, fields->supported, self->supported);
	json->put_string(writer, fields->endpoint,
			 known ? agent->services->address->endpoint_format(endpoint, text) : "");
	if (fields->local_address)
		json->put_string(writer, fields->local_address,
				 known ? agent->services->address->address_format(&endpoint->address, text)
				       : "");
	mapped_describe(agent, &self->mapped, writer);
	if (self->requested.length == agent->family->address_length)
		json->put_string(writer, fields->address,
				 agent->services->address->address_format(&self->requested, text));
}
