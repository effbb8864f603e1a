/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard in userspace: wireguard-go, through its configuration socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "cleanup.h"
#include "uapi_socket.h"
#include "uapi_write.h"

#define WG_TUN_DEVICE "/dev/net/tun"

/* NX_OK when nobody listens at the socket of an interface that does not exist here. */
static enum nx_status socket_free(const struct wg_driver *driver, const char *name, struct nx_error *error)
{
	const uint64_t deadline = driver->services->clock_nanoseconds() + WG_LEAVING_NANOSECONDS;
	enum nx_status status = NX_OK;

	while (!status && driver->services->clock_nanoseconds() < deadline) {
		int descriptor WG_AUTO_CLOSE = -1;

		status = wg_uapi_connect(driver, name, &descriptor, error);
		if (!status)
			wg_pause();
	}
	if (status)
		return status == NX_NOT_FOUND ? NX_OK : status;
	return driver->services->fail(
		error, NX_CONFLICT, NULL,
		WG_UAPI_DIRECTORY "/%s.sock is served for an interface in another network "
				  "namespace: give this one a " WG_UAPI_DIRECTORY " of its own, or choose "
				  "another --interface",
		name);
}

static enum nx_status program_probe(const struct wg_driver *driver, struct nx_error *error)
{
	const char *const arguments[] = {driver->program, "--version", NULL};
	char version[64];
	enum nx_status status =
		driver->services->agent->run(driver->host, arguments, NULL, version, sizeof(version), error);

	if (status == NX_UNSUPPORTED)
		return driver->services->fail(error, NX_UNSUPPORTED, NULL,
					      "the program %s is not installed: install it", driver->program);
	return status;
}

/* wireguard-go's own words for this are many. */
static enum nx_status tun_probe(const struct wg_driver *driver, struct nx_error *error)
{
	if (access(WG_TUN_DEVICE, R_OK | W_OK) == 0)
		return NX_OK;
	return driver->services->fail(error, NX_UNAVAILABLE, NULL,
				      "%s cannot use " WG_TUN_DEVICE
				      ": %s; load the module (modprobe tun), or "
				      "give this container the device",
				      driver->program, strerror(errno));
}

static enum nx_status uapi_create(const struct wg_driver *driver, const char *name, struct nx_error *error)
{
	/* In a session of its own, so that the daemon outlives this program and its
	 * terminal. It returns once its socket listens. */
	const char *const arguments[] = {"setsid", "--wait", driver->program, name, NULL};
	enum nx_status status = socket_free(driver, name, error);

	if (!status)
		status = program_probe(driver, error);
	if (!status)
		status = tun_probe(driver, error);
	if (!status)
		status = driver->services->agent->run(driver->host, arguments, NULL, NULL, 0, error);
	return status;
}

static enum nx_status uapi_read(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				struct wg_device *out, struct nx_error *error)
{
	static const char request[] = "get=1\n\n";
	char what[64];

	snprintf(what, sizeof(what), "interface %s cannot be read", tunnel->name);
	return wg_uapi_exchange(driver, tunnel->name, request, sizeof(request) - 1, out, what, error);
}

/* Carries requests to the daemon and names the interface in what it refuses. */
struct carrier {
	const struct wg_driver *driver;
	const struct wg_tunnel *tunnel;
	const char *what; /* "the peers", … */
};

/* The socket may be shared between namespaces: never configure what is not our interface. */
static enum nx_status carrier_send(void *context, const char *text, size_t length, struct nx_error *error)
{
	const struct carrier *carrier = context;
	const struct wg_tunnel *tunnel = carrier->tunnel;
	char what[64];

	snprintf(what, sizeof(what), "%s of interface %s cannot be set", carrier->what, tunnel->name);
	if (if_nametoindex(tunnel->name) != (unsigned)tunnel->index)
		return carrier->driver->services->fail(error, NX_NOT_FOUND, NULL, "%s: it is gone", what);
	return wg_uapi_exchange(carrier->driver, tunnel->name, text, length, NULL, what, error);
}

static enum nx_status uapi_configure(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				     const struct wg_settings *settings, struct nx_error *error)
{
	struct carrier carrier = {driver, tunnel,
				  settings->private_key ? "the private key" : "the listen port"};
	const struct wg_uapi_sink sink = {carrier_send, &carrier};

	return wg_uapi_write_device(settings, &sink, error);
}

static enum nx_status uapi_apply(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				 const struct nx_peer_change *changes, const struct wg_key *keys,
				 size_t count, struct nx_error *error)
{
	struct carrier carrier = {driver, tunnel, "the peers"};
	const struct wg_uapi_sink sink = {carrier_send, &carrier};

	return wg_uapi_write_peers(changes, keys, count, &sink, error);
}

const struct wg_backend wg_backend_userspace = {
	.name = "wireguard-go",
	.link_kind = "tun",
	.create = uapi_create,
	.read = uapi_read,
	.configure = uapi_configure,
	.apply = uapi_apply,
};
