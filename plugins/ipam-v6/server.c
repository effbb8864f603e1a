/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: provides ipam/inet6. */
#include "plugins/ipam-v6/family.h"
#include "plugins/ipam/server.h"

static const struct nx_ipam_ops ops = {
	.size = sizeof(ops),
	.label = IPAM_V6_LABEL,
	.address_length = 16,
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

static const struct nx_provide provides[] = {{"ipam", "inet6", &ops}};

static const struct nx_config_key config_keys[] = {
	{
		.name = "prefix",
		.type = NX_CONFIG_PREFIX,
		.fallback = "200::/64",
		.summary = "IPv6 prefix of a new organization that names none, /32 to /120",
	},
	IPAM_STRATEGY_KEY(IPAM_V6_LABEL),
	IPAM_QUARANTINE_KEY(IPAM_V6_LABEL),
};

static const struct nx_field fields[] = {
	{NX_RESOURCE_ORGANIZATION, "cidr_v6", "ip_cidr_v6", NX_FIELD_PREFIX, NX_MEANING_ORGANIZATION_PREFIX,
	 NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_ORGANIZATION, "strategy_v6", "strategy_v6", NX_FIELD_STRING,
	 NX_MEANING_ORGANIZATION_STRATEGY, NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
	{NX_RESOURCE_DEVICE, IPAM_V6_PREFIX, IPAM_V6_PREFIX, NX_FIELD_PREFIX, NX_MEANING_DEVICE_PREFIX, 0,
	 ""},
	{NX_RESOURCE_DEVICE, IPAM_V6_ADDRESS, IPAM_V6_ADDRESS, NX_FIELD_ADDRESS, NX_MEANING_DEVICE_ADDRESS,
	 NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_ORGANIZATION, "cidr_second_v6", "ip_cidr_second_v6", NX_FIELD_PREFIX,
	 NX_MEANING_ORGANIZATION_SECOND_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, IPAM_V6_SECOND_PREFIX, IPAM_V6_SECOND_PREFIX, NX_FIELD_PREFIX,
	 NX_MEANING_DEVICE_SECOND_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, IPAM_V6_SECOND_ADDRESS, IPAM_V6_SECOND_ADDRESS, NX_FIELD_ADDRESS,
	 NX_MEANING_DEVICE_SECOND_ADDRESS, 0, ""},
	{NX_RESOURCE_DEVICE, IPAM_V6_ENDPOINT, IPAM_V6_ENDPOINT, NX_FIELD_ENDPOINT, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
	{NX_RESOURCE_DEVICE, IPAM_V6_REFLEXIVE, IPAM_V6_REFLEXIVE, NX_FIELD_ENDPOINT, NX_MEANING_PLAIN,
	 NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, ""},
	{NX_RESOURCE_DEVICE, IPAM_V6_SUPPORTED, IPAM_V6_SUPPORTED, NX_FIELD_BOOLEAN,
	 NX_MEANING_DEVICE_SUPPORTED, NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH, "true"},
};

static const struct nx_migration migrations[] = {
	{
		.number = 1,
		.name = "IPv6 prefixes, addresses and endpoints",
		.up = "ALTER TABLE organizations ADD COLUMN ip_cidr_v6 TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN organization_prefix_v6 TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN tunnel_ip_v6 TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN local_ip_v6 TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN ipv6_supported BIGINT NOT NULL DEFAULT 1;\n",
		.down = "DELETE FROM leases WHERE family = 'inet6';\n"
			"ALTER TABLE devices DROP COLUMN ipv6_supported;\n"
			"ALTER TABLE devices DROP COLUMN local_ip_v6;\n"
			"ALTER TABLE devices DROP COLUMN tunnel_ip_v6;\n"
			"ALTER TABLE devices DROP COLUMN organization_prefix_v6;\n"
			"ALTER TABLE organizations DROP COLUMN ip_cidr_v6;\n",
	},
	{
		.number = 2,
		.name = "IPv6 endpoints as the outside sees them",
		.up = "ALTER TABLE devices ADD COLUMN reflexive_ip6 TEXT NOT NULL DEFAULT '';\n",
		.down = "ALTER TABLE devices DROP COLUMN reflexive_ip6;\n",
	},
	{
		.number = 3,
		.name = "strategies for IPv6 addresses",
		.up = "ALTER TABLE organizations ADD COLUMN strategy_v6 TEXT NOT NULL DEFAULT '';\n",
		.down = "ALTER TABLE organizations DROP COLUMN strategy_v6;\n",
	},
	{
		.number = 4,
		.name = "second IPv6 addresses, for renumbering",
		.up = "ALTER TABLE organizations ADD COLUMN ip_cidr_second_v6 TEXT NOT NULL DEFAULT '';\n"
		      "ALTER TABLE devices ADD COLUMN organization_prefix_second_v6 TEXT NOT NULL DEFAULT "
		      "'';\n"
		      "ALTER TABLE devices ADD COLUMN tunnel_ip_second_v6 TEXT NOT NULL DEFAULT '';\n",
		.down = "DELETE FROM renumberings WHERE family = 'inet6';\n"
			"ALTER TABLE devices DROP COLUMN tunnel_ip_second_v6;\n"
			"ALTER TABLE devices DROP COLUMN organization_prefix_second_v6;\n"
			"ALTER TABLE organizations DROP COLUMN ip_cidr_second_v6;\n",
	},
};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	return ipam_server_load(&ipam_v6_family, host, services, instance, error);
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "ipam-v6",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "IPv6 addresses for organizations and devices",
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
