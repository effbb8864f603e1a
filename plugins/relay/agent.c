/* SPDX-License-Identifier: Apache-2.0 */
/* Agent half: provides relay/hub. */
#include <stdlib.h>
#include <string.h>

#include <nexodus/plugin.h>
#include <nexodus/relay.h>

#include "plugins/relay/choice.h"
#include "plugins/relay/diagnose.h"
#include "plugins/relay/fields.h"
#include "plugins/relay/forward.h"
#include "plugins/relay/plan.h"

struct relay_agent {
	struct nx_host *host;
	const struct nx_services *services;
	bool relay_node; /* wishes to relay */
	bool relay_only; /* wishes to be relayed */
	bool snat;	 /* hosts of advertised networks see this host as the source */
	uint16_t keepalive_seconds;
	struct forwarding forwarding;
};

static const struct nx_config_key config_keys[] = {
	{
		.name = "relay-node",
		.type = NX_CONFIG_BOOLEAN,
		.fallback = "false",
		.summary = "relay the traffic of hosts that cannot be reached directly",
		.flag = "relay-node",
	},
	{
		.name = "relay-only",
		.type = NX_CONFIG_BOOLEAN,
		.fallback = "false",
		.summary = "reach and be reached through the relay only",
		.flag = "relay-only",
	},
	{
		.name = "snat",
		.type = NX_CONFIG_BOOLEAN,
		.fallback = "false",
		.summary = "give what goes to advertised networks this host's address as its source",
		.flag = "snat",
	},
	{
		.name = "keepalive",
		.type = NX_CONFIG_DURATION,
		.fallback = "20",
		.minimum = 0,
		.maximum = UINT16_MAX,
		.reloadable = true,
		.summary = "seconds between packets that keep the way to a peer open, 0 for none",
	},
};

/* --- records
 * ---------------------------------------------------------------------------------------------------- */

static bool field_true(const struct nx_json_services *json, const struct nx_json *device, const char *name)
{
	bool value;

	return json->boolean(json->member(device, name), &value) && value;
}

static void standing(void *instance, const struct nx_json *device, struct nx_relay_standing *out)
{
	const struct relay_agent *agent = instance;
	const struct nx_json_services *json = agent->services->json;

	out->relay = field_true(json, device, RELAY_FIELD_RELAY);
	/* A record that says both is a server's mistake; a relay that hid would cut everybody off. */
	out->spoke = !out->relay && field_true(json, device, RELAY_FIELD_SYMMETRIC_NAT);
	out->draining = out->relay && field_true(json, device, RELAY_FIELD_DRAINING);
	out->via[0] = '\0';
	const struct nx_json *via = json->member(device, RELAY_FIELD_RELAY_ID);
	const char *text = via ? json->string(via) : NULL;
	if (text && strlen(text) < sizeof(out->via))
		memcpy(out->via, text, strlen(text) + 1);
}

static void describe_wishes(void *instance, struct nx_json_writer *writer)
{
	const struct relay_agent *agent = instance;

	agent->services->json->put_boolean(writer, RELAY_FIELD_RELAY, agent->relay_node);
	agent->services->json->put_boolean(writer, RELAY_FIELD_SYMMETRIC_NAT, agent->relay_only);
}

static void describe_self(void *instance, const struct nx_relay_self *self, struct nx_json_writer *writer)
{
	const struct relay_agent *agent = instance;
	const struct nx_json_services *json = agent->services->json;

	/* Without an answer from outside the record stays as it is, and so does what was wished for. */
	if (self->nat != NX_NAT_UNKNOWN && !agent->relay_only)
		json->put_boolean(writer, RELAY_FIELD_SYMMETRIC_NAT,
				  !agent->relay_node && self->nat == NX_NAT_SYMMETRIC);
	json->put_boolean(writer, RELAY_FIELD_DRAINING, self->draining);
	json->put_string(writer, RELAY_FIELD_RELAY_ID, self->via);
}

/* --- policy
 * ----------------------------------------------------------------------------------------------------- */

static bool prefer(void *instance, const struct nx_member *host, const struct nx_member *a,
		   const struct nx_member *b)
{
	(void)instance;
	return relay_prefer(host, a, b);
}

static const struct nx_member *carrier(void *instance, const struct nx_mesh *mesh,
				       const struct nx_member *member)
{
	(void)instance;
	return relay_carrier(mesh, member);
}

static enum nx_status plan(void *instance, const struct nx_mesh *mesh, const struct nx_member *member,
			   struct nx_peer_plan *out)
{
	const struct relay_agent *agent = instance;

	relay_plan(mesh, member, agent->keepalive_seconds, out);
	return NX_OK;
}

static enum nx_status forward(void *instance, const char *interface, bool relay,
			      const struct nx_prefix *child_prefixes, size_t count, struct nx_error *error)
{
	struct relay_agent *agent = instance;
	const struct firewall_wish wish = {
		.interface = interface,
		.relay = relay,
		.networks = child_prefixes,
		.network_count = count,
		.translate = agent->snat,
	};

	if (!relay && !count)
		return forwarding_off(&agent->forwarding, error);
	if (!firewall_name_fit(interface))
		return agent->services->fail(
			error, NX_INVALID, NULL,
			"the interface's name cannot stand in a firewall rule: use letters, "
			"digits, \"_\", \"-\" and \".\"");
	return forwarding_on(&agent->forwarding, &wish, error);
}

/* What a run before this one noted tells that the host was made to forward, whoever wished it. */
static void diagnose(void *instance, const struct nx_diagnosis *diagnosis)
{
	const struct relay_agent *agent = instance;
	struct undo undo = {0};
	bool noted =
		undo_load(&undo, agent->services->agent->state_directory(agent->host)) && undo.interface[0];

	relay_diagnose(agent->services, agent->host, agent->relay_node || noted, diagnosis);
	undo_clear(&undo);
}

static const struct nx_relay_ops ops = {
	.size = sizeof(ops),
	.standing = standing,
	.describe_wishes = describe_wishes,
	.describe_self = describe_self,
	.prefer = prefer,
	.carrier = carrier,
	.plan = plan,
	.forward = forward,
	.diagnose = diagnose,
};

static const struct nx_provide provides[] = {{"relay", "hub", &ops}};

/* --- life cycle
 * ------------------------------------------------------------------------------------------------- */

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	bool relay_node = services->config_boolean(host, "relay-node");
	bool relay_only = services->config_boolean(host, "relay-only");

	if (relay_node && relay_only)
		return services->fail(
			error, NX_INVALID, NULL,
			"relay-node and relay-only exclude each other: a relay must be reachable by "
			"everybody");
	struct relay_agent *agent = calloc(1, sizeof(*agent));
	if (!agent)
		return services->fail(error, NX_INTERNAL, NULL, "out of memory");
	agent->host = host;
	agent->services = services;
	agent->relay_node = relay_node;
	agent->relay_only = relay_only;
	agent->snat = services->config_boolean(host, "snat");
	agent->keepalive_seconds = (uint16_t)services->config_integer(host, "keepalive");
	forwarding_init(&agent->forwarding, services, host);
	*instance = agent;
	return NX_OK;
}

static enum nx_status start(void *instance, struct nx_error *error)
{
	struct relay_agent *agent = instance;

	(void)error;
	forwarding_start(&agent->forwarding);
	return NX_OK;
}

static enum nx_status reload(void *instance, struct nx_error *error)
{
	struct relay_agent *agent = instance;

	(void)error; /* the host has checked the bounds */
	agent->keepalive_seconds = (uint16_t)agent->services->config_integer(agent->host, "keepalive");
	agent->services->agent->reconcile(agent->host);
	return NX_OK;
}

static void stop(void *instance)
{
	struct relay_agent *agent = instance;
	struct nx_error error = {0};

	if (forwarding_off(&agent->forwarding, &error) != NX_OK)
		agent->services->log(agent->host, NX_LOG_WARNING, "forwarding was not put back whole: %s",
				     error.message);
}

static void unload(void *instance)
{
	struct relay_agent *agent = instance;

	forwarding_free(&agent->forwarding);
	free(agent);
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_AGENT,
	.name = "relay",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "Relaying by hubs, and this host's forwarding for it",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.load = load,
	.start = start,
	.reload = reload,
	.stop = stop,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
