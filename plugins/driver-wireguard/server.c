/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: judges the public key that a device registers with. */
#include <stdlib.h>

#include <sodium.h>

#include <nexodus/driver.h>
#include <nexodus/plugin.h>

#include "key.h"

_Static_assert(WG_KEY_TEXT <= NX_PUBLIC_KEY_TEXT, "a WireGuard key fits the contract");

struct server {
	const struct nx_services *services;
};

static enum nx_status key_check(void *instance, const char *text, char canonical[static NX_PUBLIC_KEY_TEXT],
				struct nx_error *error)
{
	const struct server *server = instance;
	struct wg_key key;
	const char *reason = wg_public_key_parse(text, &key);

	if (reason)
		return server->services->fail(error, NX_INVALID, "public_key", "public_key %s", reason);
	wg_key_format(&key, canonical);
	return NX_OK;
}

static enum nx_status server_load(struct nx_host *host, const struct nx_services *services, void **instance,
				  struct nx_error *error)
{
	struct server *server;

	(void)host;
	if (sodium_init() < 0)
		return services->fail(error, NX_INTERNAL, NULL, "libsodium cannot be initialized");
	server = calloc(1, sizeof(*server));
	if (!server)
		return services->fail(error, NX_INTERNAL, NULL, "out of memory");
	server->services = services;
	*instance = server;
	return NX_OK;
}

static const struct nx_driver_server_ops server_ops = {
	.size = sizeof(server_ops),
	.key_check = key_check,
};

static const struct nx_provide provides[] = {
	{.kind = "driver", .key = "wireguard", .ops = &server_ops},
};

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "driver-wireguard",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "WireGuard: judges the devices' public keys",
	.provides = NX_TABLE(provides),
	.load = server_load,
	.unload = free,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
