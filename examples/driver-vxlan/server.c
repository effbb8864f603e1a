/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: judges the public key that a device registers with. */
#include <nexodus/driver.h>
#include <nexodus/plugin.h>

#include "key.h"

_Static_assert(VX_KEY_TEXT <= NX_PUBLIC_KEY_TEXT, "a key fits the contract");

/* A key has one text only: otherwise a device could be there twice. */
static enum nx_status key_check(void *instance, const char *text, char canonical[static NX_PUBLIC_KEY_TEXT],
				struct nx_error *error)
{
	const struct nx_services *services = instance;
	struct vx_key key;
	const char *reason = vx_key_parse(text, &key);

	if (reason)
		return services->fail(error, NX_INVALID, "public_key", "public_key %s", reason);
	vx_key_format(&key, canonical);
	return NX_OK;
}

/* The host's services are all that this half needs to remember. */
static enum nx_status server_load(struct nx_host *host, const struct nx_services *services, void **instance,
				  struct nx_error *error)
{
	(void)host;
	(void)error;
	*instance = (void *)services;
	return NX_OK;
}

static const struct nx_driver_server_ops server_ops = {
	.size = sizeof(server_ops),
	.key_check = key_check,
};

static const struct nx_provide provides[] = {
	{.kind = "driver", .key = "vxlan", .ops = &server_ops},
};

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "driver-vxlan",
	.version = "1.0",
	.license = "Apache-2.0",
	.summary = "VXLAN: judges the devices' keys",
	.provides = NX_TABLE(provides),
	.load = server_load,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
