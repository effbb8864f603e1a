/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of the same minor whose structures are longer than the host's, as if they had
 * grown at their ends: the host must not stumble over what it does not know. */
#include <nexodus/plugin.h>
#include <nexodus/relay.h>

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	(void)host;
	(void)services;
	(void)error;
	*instance = NULL;
	return NX_OK;
}

static enum nx_status device_check(void *instance, const struct nx_json *device, struct nx_error *error)
{
	(void)instance;
	(void)device;
	(void)error;
	return NX_CONFLICT;
}

struct longer_ops {
	struct nx_relay_server_ops known;
	const char *later[4];
};

static const struct longer_ops ops[] = {
	{{sizeof(struct longer_ops), device_check}, {"a", "b", "c", "d"}},
	{{sizeof(struct longer_ops), device_check}, {"e", "f", "g", "h"}},
};

static const struct {
	struct nx_provide known;
	const char *later;
} provides[] = {
	{{"relay", "longer-first", &ops[0]}, "x"},
	{{"relay", "longer-second", &ops[1]}, "y"},
};

static const struct {
	struct nx_plugin known;
	const char *later[8];
} plugin = {
	.known =
		{
			.magic = NX_PLUGIN_MAGIC,
			.size = sizeof(plugin),
			.abi_major = NX_ABI_MAJOR,
			.abi_minor = NX_ABI_MINOR,
			.role = NX_ROLE_SERVER,
			.name = PLUGIN_NAME,
			.version = "1",
			.license = "Apache-2.0",
			.summary = "Longer than its host knows",
			.provides = NX_TABLE(provides),
			.load = load,
		},
	.later = {"z"},
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin.known;
}
