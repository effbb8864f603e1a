/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole plugin: it gives every device a field "rack" that clients may write,
 * and a configuration key that says what a rack is called.
 */
#include <nexodus/plugin.h>

static const struct nx_config_key config_keys[] = {
	{.name = "rack-label",
	 .type = NX_CONFIG_STRING,
	 .fallback = "rack",
	 .summary = "what a rack is called in messages"},
};

static const struct nx_field fields[] = {
	{.resource = NX_RESOURCE_DEVICE,
	 .name = "rack",
	 .column = "rack",
	 .type = NX_FIELD_STRING,
	 .flags = NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH,
	 .fallback = ""},
};

static const struct nx_migration migrations[] = {
	{.number = 1,
	 .name = "rack of a device",
	 .up = "ALTER TABLE devices ADD COLUMN rack TEXT NOT NULL DEFAULT '';",
	 .down = "ALTER TABLE devices DROP COLUMN rack;"},
};

static const struct nx_services *services;
static struct nx_host *host;

static enum nx_status example_load(struct nx_host *given, const struct nx_services *offered, void **instance,
				   struct nx_error *error)
{
	(void)error;
	host = given;
	services = offered;
	*instance = NULL;
	return NX_OK;
}

static enum nx_status example_start(void *instance, struct nx_error *error)
{
	(void)instance;
	(void)error;
	services->log(host, NX_LOG_INFO, "devices have a %s", services->config_string(host, "rack-label"));
	return NX_OK;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "example",
	.version = "1.0",
	.license = "Apache-2.0",
	.summary = "a field of one's own",
	.config_keys = NX_TABLE(config_keys),
	.fields = NX_TABLE(fields),
	.migrations = NX_TABLE(migrations),
	.load = example_load,
	.start = example_start,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
