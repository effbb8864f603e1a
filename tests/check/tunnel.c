/* SPDX-License-Identifier: Apache-2.0 */
/* A driver of an agent that has a key and no tunnel, and says so. Each FAULT_… makes it wrong in one thing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <nexodus/driver.h>
#include <nexodus/plugin.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "tunnel"
#endif
#ifdef FAULT_KEY_MODE
#define KEY_MODE 0644
#else
#define KEY_MODE 0600
#endif

static const struct nx_services *services;

/* The key is the file's content; whoever has it is this host. */
static enum nx_status public_key(void *instance, const char *state_directory,
				 char text[static NX_PUBLIC_KEY_TEXT], struct nx_error *error)
{
	char path[512], key[33] = "";
	int file;

	(void)instance;
	snprintf(path, sizeof(path), "%s/tunnel-key", state_directory);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, KEY_MODE);
	if (file < 0)
		return services->fail(error, NX_INTERNAL, NULL, "no key can be kept");
#ifndef FAULT_KEY_NEW
	if (read(file, key, 32) != 32)
#endif
	{
		services->random_bytes(key, 32);
		for (int i = 0; i < 32; i++)
			key[i] = (char)('a' + (unsigned char)key[i] % 26);
		if (pwrite(file, key, 32, 0) != 32)
			key[0] = '\0';
	}
	close(file);
	strcpy(text, key);
	return NX_OK;
}

static enum nx_status interface_up(void *instance, const struct nx_interface_request *request,
				   struct nx_interface *out, struct nx_error *error)
{
	(void)instance;
	(void)request;
#ifdef FAULT_NO_INTERFACE
	out->index = 1; /* some interface or other */
	out->mtu = 1420;
	out->listen_port = 1;
	(void)error;
	return NX_OK;
#else
#ifdef FAULT_UP_OUTPUT
	out->index = 0;
#endif
	(void)out;
	return services->fail(error, NX_UNSUPPORTED, NULL, "there is no tunnel");
#endif
}

static bool interface_stands(void *instance)
{
	(void)instance;
#ifdef FAULT_STANDS
	return true;
#else
	return false;
#endif
}

static enum nx_status peers_observe(void *instance, void (*each)(void *context, const struct nx_peer *peer),
				    void *context, struct nx_error *error)
{
	(void)instance;
	(void)each;
	(void)context;
	return services->fail(error, NX_UNAVAILABLE, NULL, "there is no tunnel");
}

static enum nx_status peers_apply(void *instance, const struct nx_peer_change *changes, size_t count,
				  struct nx_error *error)
{
	(void)instance;
	(void)changes;
	(void)count;
	return services->fail(error, NX_UNAVAILABLE, NULL, "there is no tunnel");
}

static enum nx_status peers_status(void *instance,
				   void (*each)(void *context, const struct nx_peer_status *status),
				   void *context, struct nx_error *error)
{
	(void)instance;
	(void)each;
	(void)context;
	return services->fail(error, NX_UNAVAILABLE, NULL, "there is no tunnel");
}

static void interface_down(void *instance)
{
	(void)instance;
}

static const struct nx_driver_ops ops = {
	.size = sizeof(ops),
	.public_key = public_key,
	.interface_up = interface_up,
	.interface_stands = interface_stands,
	.peers_observe = peers_observe,
	.peers_apply = peers_apply,
	.peers_status = peers_status,
	.interface_down = interface_down,
	.mtu_default = 1420,
};

static const struct nx_provide provides[] = {{"driver", "none", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *offered, void **instance,
			   struct nx_error *error)
{
	(void)host;
	(void)error;
	services = offered;
	*instance = NULL;
	return NX_OK;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_AGENT,
	.name = PLUGIN_NAME,
	.version = "1",
	.license = "Apache-2.0",
	.summary = "No tunnel",
	.provides = NX_TABLE(provides),
	.load = load,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
