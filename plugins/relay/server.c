/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: provides relay/hub. Who relays and who is relayed is said by the devices; here it is judged.
 */
#include <stdlib.h>
#include <string.h>

#include <nexodus/plugin.h>
#include <nexodus/relay.h>

#include "plugins/relay/fields.h"

struct relay_server {
	const struct nx_services *services;
};

static bool field_true(const struct nx_services *services, const struct nx_json *device, const char *name)
{
	bool value;

	return services->json->boolean(services->json->member(device, name), &value) && value;
}

/* A device's id (RFC 9562), or nothing. */
static bool relay_id_fit(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (!*text)
		return true;
	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return true;
}

static enum nx_status relay_id_check(const struct nx_services *services, const struct nx_json *device,
				     struct nx_error *error)
{
	const struct nx_json *member = services->json->member(device, RELAY_FIELD_RELAY_ID);
	const char *text = member ? services->json->string(member) : "";

	if (text && relay_id_fit(text))
		return NX_OK;
	return services->fail(error, NX_INVALID, RELAY_FIELD_RELAY_ID,
			      "%s is the id of a device, in lower case, or \"\"", RELAY_FIELD_RELAY_ID);
}

/* A host that cannot be reached directly cannot be the one through which others are. */
static enum nx_status device_check(void *instance, const struct nx_json *device, struct nx_error *error)
{
	const struct relay_server *server = instance;
	const struct nx_services *services = server->services;

	if (!field_true(services, device, RELAY_FIELD_RELAY) ||
	    !field_true(services, device, RELAY_FIELD_SYMMETRIC_NAT))
		return relay_id_check(services, device, error);
	return services->fail(
		error, NX_INVALID, RELAY_FIELD_SYMMETRIC_NAT,
		"a relay must be reachable by everybody: it cannot be behind a symmetric NAT, nor be "
		"relayed itself");
}

static const struct nx_relay_server_ops ops = {
	.size = sizeof(ops),
	.device_check = device_check,
};

static const struct nx_provide provides[] = {{"relay", "hub", &ops}};

static const struct nx_field fields[] = {
	{NX_RESOURCE_ORGANIZATION, RELAY_FIELD_HUB_ZONE, RELAY_FIELD_HUB_ZONE, NX_FIELD_BOOLEAN,
	 NX_MEANING_PLAIN, NX_FIELD_ON_CREATE, "true"},
	{NX_RESOURCE_DEVICE, RELAY_FIELD_RELAY, RELAY_FIELD_RELAY, NX_FIELD_BOOLEAN, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, "false"},
	{NX_RESOURCE_DEVICE, RELAY_FIELD_DISCOVERY, RELAY_FIELD_DISCOVERY, NX_FIELD_BOOLEAN, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE, "false"},
	{NX_RESOURCE_DEVICE, RELAY_FIELD_SYMMETRIC_NAT, RELAY_FIELD_SYMMETRIC_NAT, NX_FIELD_BOOLEAN,
	 NX_MEANING_PLAIN, NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, "false"},
	{NX_RESOURCE_DEVICE, RELAY_FIELD_RELAY_ID, RELAY_FIELD_RELAY_ID, NX_FIELD_STRING, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
	{NX_RESOURCE_DEVICE, RELAY_FIELD_DRAINING, RELAY_FIELD_DRAINING, NX_FIELD_BOOLEAN, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, "false"},
};

static const struct nx_migration migrations[] = {
	{
		.number = 1,
		.name = "who relays and who is relayed",
		.up = "ALTER TABLE organizations ADD COLUMN hub_zone BIGINT NOT NULL DEFAULT 1;\n"
		      "ALTER TABLE devices ADD COLUMN relay BIGINT NOT NULL DEFAULT 0;\n"
		      "ALTER TABLE devices ADD COLUMN discovery BIGINT NOT NULL DEFAULT 0;\n"
		      "ALTER TABLE devices ADD COLUMN symmetric_nat BIGINT NOT NULL DEFAULT 0;\n",
		.down = "ALTER TABLE devices DROP COLUMN symmetric_nat;\n"
			"ALTER TABLE devices DROP COLUMN discovery;\n"
			"ALTER TABLE devices DROP COLUMN relay;\n"
			"ALTER TABLE organizations DROP COLUMN hub_zone;\n",
	},
	{
		.number = 2,
		.name = "several relays: which one a host has chosen, and which one is about to stop",
		.up = "ALTER TABLE devices ADD COLUMN relay_id TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN relay_draining BIGINT NOT NULL DEFAULT 0;\n",
		.down = "ALTER TABLE devices DROP COLUMN relay_draining;\n"
			"ALTER TABLE devices DROP COLUMN relay_id;\n",
	},
};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	struct relay_server *server = calloc(1, sizeof(*server));

	(void)host;
	if (!server)
		return services->fail(error, NX_INTERNAL, NULL, "out of memory");
	server->services = services;
	*instance = server;
	return NX_OK;
}

static void unload(void *instance)
{
	free(instance);
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "relay",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "Relays for the hosts that cannot be reached directly",
	.provides = NX_TABLE(provides),
	.fields = NX_TABLE(fields),
	.migrations = NX_TABLE(migrations),
	.load = load,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
