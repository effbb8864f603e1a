/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session/describe.h"

#include <string.h>
#include <sys/utsname.h>

#include "agent/mapping/mapping_nat.h"
#include "agent/session/session.h"
#include "base/address.h"
#include "base/memory.h"

static const struct nx_address *requested_find(const struct nx_options *options, uint8_t length)
{
	for (size_t i = 0; i < options->requested_count; i++) {
		if (options->requested[i].length == length)
			return &options->requested[i];
	}
	return NULL;
}

static void family_describe(const struct nx_agent *agent, const struct nx_family *family,
			    const struct nx_address *requested, struct nx_json *into)
{
	const struct nx_family_self self = {
		.size = sizeof(self),
		.supported = nx_family_usable(family),
		.endpoint = nx_network_endpoint(&agent->network, family),
		.mapped = nx_mapping_result(agent->mapping, family).mapped,
		.requested = requested ? *requested : (struct nx_address){0},
	};

	family->ops->describe_self(family->instance, &self, nx_json_writer(into));
}

/* Whether an address is a public one is known by the family's plugin, which reads our record. */
static bool endpoint_public(const struct nx_planner *planner, size_t family)
{
	return planner->known && planner->self_families[family].present &&
	       planner->self_families[family].public;
}

static bool endpoint_fixed(const struct nx_options *options, uint8_t length)
{
	for (size_t i = 0; i < options->local_count; i++) {
		if (options->local[i].address.length == length)
			return true;
	}
	return false;
}

static enum nx_nat nat_find(const struct nx_agent *agent)
{
	size_t count = agent->capabilities.family_count;
	NX_AUTO_FREE struct nx_mapping_view *views = nx_alloc_array(count, sizeof(*views));

	for (size_t i = 0; i < count; i++) {
		const struct nx_family *family = &agent->capabilities.families[i];

		views[i] = (struct nx_mapping_view){
			.result = nx_mapping_result(agent->mapping, family),
			.fixed = endpoint_fixed(&agent->options, family->ops->address_length),
			.public = endpoint_public(&agent->network.reconcile.planner, i),
		};
	}
	return nx_mapping_nat(views, count);
}

static void relay_describe(const struct nx_agent *agent, struct nx_json *into)
{
	struct nx_relay_self self = {
		.size = sizeof(self),
		.nat = nat_find(agent),
		.draining = agent->drain.on && agent->network.reconcile.planner.self.standing.relay,
	};

	nx_network_via(&agent->network, self.via);
	agent->capabilities.relay->describe_self(agent->capabilities.relay_instance, &self,
						 nx_json_writer(into));
}

/* While the organization is renumbered, its record says how far that is; others go on when all hosts have
 * said that they have come as far. */
static void renumbering_describe(const struct nx_agent *agent, struct nx_json *into)
{
	const struct nx_json *self = agent->session ? agent->session->self : NULL;
	int64_t stage = self ? nx_json_member_integer(self, "renumbering", 0) : 0;

	if (stage > 0 && nx_network_taken_up(&agent->network, nx_json_member_integer(self, "revision", 0)))
		nx_json_put_integer(into, "renumbering_seen", stage);
}

struct nx_json *nx_describe_facts(const struct nx_agent *agent)
{
	struct nx_json *out = nx_json_object();

	for (size_t i = 0; i < agent->capabilities.family_count; i++)
		family_describe(agent, &agent->capabilities.families[i], NULL, out);
	relay_describe(agent, out);
	renumbering_describe(agent, out);
	return out;
}

static struct nx_json *advertised_list(const struct nx_options *options)
{
	struct nx_json *list;
	char text[NX_ADDRESS_TEXT];

	if (!options->advertised_count)
		return NULL;
	list = nx_json_array();
	for (size_t i = 0; i < options->advertised_count; i++)
		nx_json_add_string(list, nx_prefix_format(&options->advertised[i], text));
	return list;
}

struct nx_json *nx_describe_wishes(const struct nx_agent *agent)
{
	struct nx_json *out = nx_json_object();
	struct nx_json *advertised = advertised_list(&agent->options);

	nx_json_put_string(out, "hostname", agent->options.hostname);
	if (advertised)
		nx_json_put(out, "child_prefix", advertised);
	else
		nx_json_put_string(out, "child_prefix", NULL);
	agent->capabilities.relay->describe_wishes(agent->capabilities.relay_instance, nx_json_writer(out));
	return out;
}

/* An address that was asked for is given, or there is no registration: it is never left out. */
static enum nx_status requests_check(const struct nx_agent *agent, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	for (size_t i = 0; i < agent->options.requested_count; i++) {
		const struct nx_address *address = &agent->options.requested[i];
		const struct nx_family *family = nx_family_of_length(&agent->capabilities, address->length);

		if (!family)
			return nx_fail(error, NX_UNSUPPORTED, "request-ip",
				       "request-ip: no plugin is loaded for addresses such as %s",
				       nx_address_format(address, text));
		if (!nx_family_usable(family))
			return nx_fail(error, NX_UNSUPPORTED, "request-ip",
				       "request-ip: %s is asked for, but this host cannot do %s: %s",
				       nx_address_format(address, text), family->ops->label, family->reason);
	}
	return NX_OK;
}

enum nx_status nx_describe_registration(const struct nx_agent *agent, struct nx_json **out,
					struct nx_error *error)
{
	enum nx_status status = requests_check(agent, error);
	struct nx_json *body;
	struct utsname system;

	if (status != NX_OK)
		return status;
	body = nx_describe_wishes(agent);
	nx_json_put_string(body, "public_key", agent->public_key);
	nx_json_put_string(body, "driver", agent->capabilities.driver_name);
	nx_json_put_string(body, "token", agent->state.token);
	if (uname(&system) == 0)
		nx_json_put_string(body, "os", system.sysname);
	if (*agent->options.organization_id)
		nx_json_put_string(body, "organization_id", agent->options.organization_id);
	for (size_t i = 0; i < agent->capabilities.family_count; i++) {
		const struct nx_family *family = &agent->capabilities.families[i];

		family_describe(agent, family, requested_find(&agent->options, family->ops->address_length),
				body);
	}
	*out = body;
	return NX_OK;
}
