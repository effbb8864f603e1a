/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: provides ipam/inet. */
#include "plugins/ipam-v4/family.h"
#include "plugins/ipam/server.h"

static const struct nx_ipam_ops ops = {
	.size = sizeof(ops),
	.label = IPAM_V4_LABEL,
	.address_length = 4,
	.prefix_default = ipam_server_prefix_default,
	.prefix_check = ipam_server_prefix_check,
	.network_check = ipam_server_network_check,
	.pool_open = ipam_server_pool_open,
	.pool_close = ipam_pool_close,
	.pool_allocate = ipam_pool_allocate,
	.pool_take = ipam_pool_take,
	.pool_give = ipam_pool_give,
	.pool_usage = ipam_pool_usage,
	.strategy = IPAM_POOL_STRATEGY,
	.strategy_default = ipam_server_strategy_default,
	.pool_find = ipam_pool_find,
	.quarantine = ipam_server_quarantine,
};

static const struct nx_provide provides[] = {{"ipam", "inet", &ops}};

static const struct nx_config_key config_keys[] = {
	{
		.name = "prefix",
		.type = NX_CONFIG_PREFIX,
		.fallback = "100.100.0.0/16",
		.summary = "IPv4 prefix of a new organization that names none, /8 to /30",
	},
	IPAM_STRATEGY_KEY(IPAM_V4_LABEL),
	IPAM_QUARANTINE_KEY(IPAM_V4_LABEL),
};

static const struct nx_field fields[] = {
	{NX_RESOURCE_ORGANIZATION, "cidr", "ip_cidr", NX_FIELD_PREFIX, NX_MEANING_ORGANIZATION_PREFIX,
	 NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_ORGANIZATION, "strategy", "strategy", NX_FIELD_STRING, NX_MEANING_ORGANIZATION_STRATEGY,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
	{NX_RESOURCE_DEVICE, IPAM_V4_PREFIX, IPAM_V4_PREFIX, NX_FIELD_PREFIX, NX_MEANING_DEVICE_PREFIX, 0,
	 ""},
	{NX_RESOURCE_DEVICE, IPAM_V4_ADDRESS, IPAM_V4_ADDRESS, NX_FIELD_ADDRESS, NX_MEANING_DEVICE_ADDRESS,
	 NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_ORGANIZATION, "cidr_second", "ip_cidr_second", NX_FIELD_PREFIX,
	 NX_MEANING_ORGANIZATION_SECOND_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, IPAM_V4_SECOND_PREFIX, IPAM_V4_SECOND_PREFIX, NX_FIELD_PREFIX,
	 NX_MEANING_DEVICE_SECOND_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, IPAM_V4_SECOND_ADDRESS, IPAM_V4_SECOND_ADDRESS, NX_FIELD_ADDRESS,
	 NX_MEANING_DEVICE_SECOND_ADDRESS, 0, ""},
	{NX_RESOURCE_DEVICE, IPAM_V4_ENDPOINT, IPAM_V4_ENDPOINT, NX_FIELD_ENDPOINT, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
	/* Clients write these two with and without a port. */
	{NX_RESOURCE_DEVICE, IPAM_V4_REFLEXIVE, IPAM_V4_REFLEXIVE, NX_FIELD_STRING, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
	{NX_RESOURCE_DEVICE, IPAM_V4_LOCAL_ADDRESS, IPAM_V4_LOCAL_ADDRESS, NX_FIELD_STRING, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
};

static const struct nx_migration migrations[] = {
	{
		.number = 1,
		.name = "IPv4 prefixes, addresses and endpoints",
		.up = "ALTER TABLE organizations ADD COLUMN ip_cidr TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN organization_prefix TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN tunnel_ip TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN local_ip TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN reflexive_ip4 TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN endpoint_local_address_ip4 TEXT NOT NULL DEFAULT '';\n",
		.down = "DELETE FROM leases WHERE family = 'inet';\n"
			"ALTER TABLE devices DROP COLUMN endpoint_local_address_ip4;\n"
			"ALTER TABLE devices DROP COLUMN reflexive_ip4;\n"
			"ALTER TABLE devices DROP COLUMN local_ip;\n"
			"ALTER TABLE devices DROP COLUMN tunnel_ip;\n"
			"ALTER TABLE devices DROP COLUMN organization_prefix;\n"
			"ALTER TABLE organizations DROP COLUMN ip_cidr;\n",
	},
	{
		.number = 2,
		.name = "strategies for IPv4 addresses",
		.up = "ALTER TABLE organizations ADD COLUMN strategy TEXT NOT NULL DEFAULT '';\n",
		.down = "ALTER TABLE organizations DROP COLUMN strategy;\n",
	},
	{
		.number = 3,
		.name = "second IPv4 addresses, for renumbering",
		.up = "ALTER TABLE organizations ADD COLUMN ip_cidr_second TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN organization_prefix_second TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN tunnel_ip_second TEXT NOT NULL DEFAULT '';\n",
		.down = "DELETE FROM renumberings WHERE family = 'inet';\n"
			"ALTER TABLE devices DROP COLUMN tunnel_ip_second;\n"
			"ALTER TABLE devices DROP COLUMN organization_prefix_second;\n"
			"ALTER TABLE organizations DROP COLUMN ip_cidr_second;\n",
	},
};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	return ipam_server_load(&ipam_v4_family, host, services, instance, error);
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "ipam-v4",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "IPv4 addresses for organizations and devices",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.fields = NX_TABLE(fields),
	.migrations = NX_TABLE(migrations),
	.load = load,
	.unload = ipam_server_unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
