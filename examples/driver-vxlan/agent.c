/* SPDX-License-Identifier: Apache-2.0 */
/* Agent half: the descriptor, and the driver's operations. */
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "interface.h"
#include "kernel.h"
#include "key_file.h"

static enum nx_status public_key(void *instance, const char *state_directory,
				 char text[static NX_PUBLIC_KEY_TEXT], struct nx_error *error)
{
	struct vx_key key;
	enum nx_status status = vx_key_obtain(instance, state_directory, &key, error);

	if (!status)
		vx_key_format(&key, text);
	return status;
}

static enum nx_status interface_up(void *instance, const struct nx_interface_request *request,
				   struct nx_interface *out, struct nx_error *error)
{
	enum nx_status status = vx_events_begin(instance, error);

	return status ? status : vx_interface_up(instance, request, out, error);
}

static bool interface_stands(void *instance)
{
	return vx_interface_stands(instance);
}

static enum nx_status peers_observe(void *instance, void (*each)(void *context, const struct nx_peer *peer),
				    void *context, struct nx_error *error)
{
	return vx_kernel_observe(instance, each, context, error);
}

/* --- what the agent changes -------------------------------------------------------------------- */

static enum nx_status peer_judge(const struct vx_driver *driver, const struct nx_peer *peer,
				 struct vx_mac *mac, struct nx_error *error)
{
	struct vx_key key;
	const char *reason = vx_key_parse(peer->public_key, &key);

	if (reason)
		return driver->services->fail(error, NX_INVALID, NULL, "a peer's key %s", reason);
	*mac = vx_key_mac(&key);
	if (vx_mac_same(mac, &driver->mac))
		return driver->services->fail(error, NX_INVALID, NULL, "a peer has this host's own key");
	return NX_OK;
}

static enum nx_status change_take(struct vx_driver *driver, const struct nx_peer_change *change,
				  struct nx_error *error)
{
	struct vx_mac mac;
	enum nx_status status;

	if (change->action == NX_PEER_REMOVE) {
		vx_table_remove(&driver->table, change->peer.public_key);
		return NX_OK;
	}
	status = peer_judge(driver, &change->peer, &mac, error);
	if (status)
		return status;
	status = vx_table_set(&driver->table, &change->peer, &mac, change->set_endpoint);
	if (status == NX_CONFLICT)
		return driver->services->fail(
			error, NX_INVALID, NULL,
			"two keys make the same Ethernet address; delete one of the two "
			"devices and register it anew: %s",
			change->peer.public_key);
	return status ? driver->services->fail(error, status, NULL, "no memory for a peer") : NX_OK;
}

/* First the table, then the kernel, once for all of them: what is removed and set again is not touched. */
static enum nx_status peers_apply(void *instance, const struct nx_peer_change *changes, size_t count,
				  struct nx_error *error)
{
	struct vx_driver *driver = instance;
	enum nx_status result = NX_OK;
	enum nx_status status;

	for (size_t i = 0; i < count && !result; i++)
		result = change_take(driver, &changes[i], error);
	status = vx_kernel_apply(driver, result ? NULL : error);
	return result ? result : status;
}

/* Where they are is all that is known of peers: see `lacks`. */
static enum nx_status peers_status(void *instance,
				   void (*each)(void *context, const struct nx_peer_status *status),
				   void *context, struct nx_error *error)
{
	const struct vx_driver *driver = instance;

	(void)error;
	for (size_t i = 0; i < driver->table.count; i++) {
		const struct nx_peer_status status = {.size = sizeof(status),
						      .public_key = driver->table.peers[i].key,
						      .endpoint = driver->table.peers[i].endpoint};

		each(context, &status);
	}
	return NX_OK;
}

/* --- the rest ------------------------------------------------------------------------------------ */

static void interface_down(void *instance)
{
	vx_interface_down(instance);
}

static enum nx_status mtu_set(void *instance, uint32_t mtu, struct nx_error *error)
{
	return vx_interface_mtu(instance, mtu, error);
}

static void diagnose(void *instance, const struct nx_diagnosis *diagnosis)
{
	(void)instance;
	diagnosis->report(
		diagnosis->context,
		&(const struct nx_finding){
			.size = sizeof(struct nx_finding),
			.check = "tunnel-secrecy",
			.verdict = NX_VERDICT_WARNING,
			.what = "VXLAN neither encrypts nor authenticates: whoever is on the underlay "
				"reads the mesh's packets and can send into it",
			.remedy = "Use it only where the underlay is trusted; another driver, such "
				  "as driver-wireguard, elsewhere.",
		});
}

static const struct nx_driver_ops driver_ops = {
	.size = sizeof(driver_ops),
	.public_key = public_key,
	.interface_up = interface_up,
	.interface_stands = interface_stands,
	.peers_observe = peers_observe,
	.peers_apply = peers_apply,
	.peers_status = peers_status,
	.interface_down = interface_down,
	.diagnose = diagnose,
	.overhead = VX_OVERHEAD,
	.mtu_default = VX_DEFAULT_MTU,
	.mtu_set = mtu_set,
	.lacks = NX_DRIVER_NO_HANDSHAKES | NX_DRIVER_NO_ROAMING | NX_DRIVER_NO_COUNTERS,
};

static enum nx_status driver_load(struct nx_host *host, const struct nx_services *services, void **instance,
				  struct nx_error *error)
{
	struct vx_driver *driver = calloc(1, sizeof(*driver));

	if (!driver)
		return services->fail(error, NX_INTERNAL, NULL, "out of memory");
	driver->host = host;
	driver->services = services;
	driver->vni = (uint32_t)services->config_integer(host, "vni");
	driver->events = -1;
	*instance = driver;
	return NX_OK;
}

static void driver_stop(void *instance)
{
	vx_events_end(instance);
}

static void driver_unload(void *instance)
{
	struct vx_driver *driver = instance;

	vx_table_clear(&driver->table);
	free(driver);
}

static const struct nx_provide provides[] = {
	{.kind = "driver", .key = "vxlan", .ops = &driver_ops},
};

static const struct nx_config_key config_keys[] = {
	{
		.name = "vni",
		.type = NX_CONFIG_INTEGER,
		.fallback = "20056",
		.minimum = 1,
		.maximum = 16777215,
		.summary = "VXLAN network identifier; the same on all hosts of an organization",
		.flag = "vxlan-vni",
	},
};

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_AGENT,
	.name = "driver-vxlan",
	.version = "1.0",
	.license = "Apache-2.0",
	.summary = "VXLAN tunnels, for an underlay that is trusted",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.load = driver_load,
	.stop = driver_stop,
	.unload = driver_unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
