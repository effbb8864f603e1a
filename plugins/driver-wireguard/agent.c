/* SPDX-License-Identifier: Apache-2.0 */
/* Agent half: owns the interface and its peers. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "diagnose.h"
#include "interface.h"
#include "peers.h"
#include "private_key.h"

static enum nx_status driver_public_key(void *instance, const char *state_directory,
					char text[static NX_PUBLIC_KEY_TEXT], struct nx_error *error)
{
	const struct wg_driver *driver = instance;
	struct wg_key private_key WG_AUTO_WIPE = {0};
	struct wg_key public_key;
	enum nx_status status = wg_private_key_obtain(driver, state_directory, &private_key, error);

	if (status)
		return status;
	wg_key_public(&private_key, &public_key);
	wg_key_format(&public_key, text);
	return NX_OK;
}

static enum nx_status driver_interface_up(void *instance, const struct nx_interface_request *request,
					  struct nx_interface *out, struct nx_error *error)
{
	return wg_interface_up(instance, request, out, error);
}

static bool driver_interface_stands(void *instance)
{
	return wg_interface_stands(instance);
}

static enum nx_status driver_peers_observe(void *instance,
					   void (*each)(void *context, const struct nx_peer *peer),
					   void *context, struct nx_error *error)
{
	return wg_peers_observe(instance, each, context, error);
}

static enum nx_status driver_peers_apply(void *instance, const struct nx_peer_change *changes, size_t count,
					 struct nx_error *error)
{
	return wg_peers_apply(instance, changes, count, error);
}

static enum nx_status driver_peers_status(void *instance,
					  void (*each)(void *context, const struct nx_peer_status *status),
					  void *context, struct nx_error *error)
{
	return wg_peers_status(instance, each, context, error);
}

static void driver_interface_down(void *instance)
{
	struct wg_driver *driver = instance;
	struct nx_error error;

	if (wg_interface_down(driver, &error))
		driver->services->log(driver->host, NX_LOG_WARNING, "interface %s is left in place: %s",
				      driver->tunnel.name, error.message);
}

static void driver_diagnose(void *instance, const struct nx_diagnosis *diagnosis)
{
	wg_diagnose(instance, diagnosis);
}

static enum nx_status driver_mtu_set(void *instance, uint32_t mtu, struct nx_error *error)
{
	return wg_interface_mtu(instance, mtu, error);
}

static const struct nx_driver_ops driver_ops = {
	.size = sizeof(driver_ops),
	.public_key = driver_public_key,
	.interface_up = driver_interface_up,
	.interface_stands = driver_interface_stands,
	.peers_observe = driver_peers_observe,
	.peers_apply = driver_peers_apply,
	.peers_status = driver_peers_status,
	.interface_down = driver_interface_down,
	.diagnose = driver_diagnose,
	.overhead = WG_OVERHEAD,
	.mtu_default = WG_DEFAULT_MTU,
	.mtu_set = driver_mtu_set,
	.extends = true,
};

static enum nx_status backend_configure(struct wg_driver *driver, struct nx_error *error)
{
	const char *name = driver->services->config_string(driver->host, "backend");

	if (!strcmp(name, "auto"))
		driver->forced = NULL;
	else if (!strcmp(name, wg_backend_kernel.name))
		driver->forced = &wg_backend_kernel;
	else if (!strcmp(name, wg_backend_userspace.name))
		driver->forced = &wg_backend_userspace;
	else
		return driver->services->fail(error, NX_INVALID, "backend",
					      "backend is \"%.64s\": it must be auto, %s or %s", name,
					      wg_backend_kernel.name, wg_backend_userspace.name);
	return NX_OK;
}

/* Copied, since the host's strings live until the next reload only. */
static enum nx_status program_configure(struct wg_driver *driver, struct nx_error *error)
{
	const char *name = driver->services->config_string(driver->host, "wireguard-go");
	size_t length = strlen(name);

	if (!length || length >= sizeof(driver->program) || strchr(name, '/') || *name == '-')
		return driver->services->fail(
			error, NX_INVALID, "wireguard-go",
			"wireguard-go is \"%.64s\": it must be a program's name, without a "
			"directory",
			name);
	memcpy(driver->program, name, length + 1);
	return NX_OK;
}

static enum nx_status driver_load(struct nx_host *host, const struct nx_services *services, void **instance,
				  struct nx_error *error)
{
	struct wg_driver *driver;
	enum nx_status status;

	if (sodium_init() < 0)
		return services->fail(error, NX_INTERNAL, NULL, "libsodium cannot be initialized");
	driver = calloc(1, sizeof(*driver));
	if (!driver)
		return services->fail(error, NX_INTERNAL, NULL, "out of memory");
	driver->host = host;
	driver->services = services;
	status = backend_configure(driver, error);
	if (!status)
		status = program_configure(driver, error);
	if (status)
		free(driver);
	else
		*instance = driver;
	return status;
}

static const struct nx_provide provides[] = {
	{.kind = "driver", .key = "wireguard", .ops = &driver_ops},
};

static const struct nx_config_key config_keys[] = {
	{
		.name = "backend",
		.type = NX_CONFIG_STRING,
		.fallback = "auto",
		.summary = "what drives the interface: kernel, wireguard-go, or auto (the kernel if it can)",
		.flag = "wireguard-backend",
	},
	{
		.name = "wireguard-go",
		.type = NX_CONFIG_STRING,
		.fallback = "wireguard-go",
		.summary = "name of the userspace WireGuard program",
	},
};

/* The interface outlives the program on purpose: stopping leaves it to be adopted. */
static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_AGENT,
	.name = "driver-wireguard",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "WireGuard tunnels: in the kernel, or by wireguard-go where it has none",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.load = driver_load,
	.unload = free,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
