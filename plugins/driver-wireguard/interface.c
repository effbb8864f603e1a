/* SPDX-License-Identifier: Apache-2.0 */
#include "interface.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "link.h"
#include "private_key.h"
#include "uapi_socket.h"

/* An interface on its way up. */
struct ascent {
	struct wg_driver *driver;
	const struct nx_interface_request *request;
	struct wg_key private_key;
	struct wg_key public_key;
	struct wg_tunnel tunnel;
	struct wg_link link;
	bool made;    /* by us, just now */
	bool adopted; /* it had our key */
};

static const struct wg_backend *const backends[] = {&wg_backend_kernel, &wg_backend_userspace};
enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

static bool is_ours(const struct wg_device *device, const struct wg_key *public_key)
{
	return device->has_key && wg_key_equal(&device->public_key, public_key);
}

/* As the kernel's dev_valid_name(). */
static bool name_valid(const char *name)
{
	size_t length = strnlen(name, IF_NAMESIZE);

	if (!length || length == IF_NAMESIZE || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++) {
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return false;
	}
	return true;
}

static enum nx_status refuse_foreign(const struct ascent *ascent, const char *why, struct nx_error *error)
{
	return ascent->driver->services->fail(
		error, NX_CONFLICT, NULL,
		"interface %s exists and is not ours: %s. Choose another --interface, or "
		"remove it (ip link delete %s)",
		ascent->tunnel.name, why, ascent->tunnel.name);
}

/* A tun interface may be anyone's; it is WireGuard only with a live configuration socket. */
static enum nx_status socket_judge(const struct ascent *ascent, struct nx_error *error)
{
	int descriptor WG_AUTO_CLOSE = -1;
	enum nx_status status = wg_uapi_connect(ascent->driver, ascent->tunnel.name, &descriptor, error);

	if (status == NX_NOT_FOUND)
		return refuse_foreign(
			ascent,
			"it is a tun interface, and no WireGuard listens at its socket in " WG_UAPI_DIRECTORY,
			error);
	return status;
}

/* Which backend drives the interface that stands. */
static enum nx_status backend_recognize(struct ascent *ascent, struct nx_error *error)
{
	const struct wg_backend *forced = ascent->driver->forced;
	char why[96];

	if (strcmp(ascent->link.name, ascent->tunnel.name) != 0) {
		snprintf(why, sizeof(why), "the name is an alternative one of %s", ascent->link.name);
		return refuse_foreign(ascent, why, error);
	}
	for (size_t i = 0; i < BACKENDS; i++) {
		if (!strcmp(backends[i]->link_kind, ascent->link.kind))
			ascent->tunnel.backend = backends[i];
	}
	if (!ascent->tunnel.backend) {
		snprintf(why, sizeof(why), "it is %s%s, no WireGuard", *ascent->link.kind ? "of kind " : "",
			 *ascent->link.kind ? ascent->link.kind : "a network device");
		return refuse_foreign(ascent, why, error);
	}
	if (forced && forced != ascent->tunnel.backend) {
		snprintf(why, sizeof(why), "it is of kind %s, but the backend is set to %s",
			 ascent->link.kind, forced->name);
		return refuse_foreign(ascent, why, error);
	}
	return ascent->tunnel.backend == &wg_backend_userspace ? socket_judge(ascent, error) : NX_OK;
}

static enum nx_status link_make_with(struct ascent *ascent, const struct wg_backend *backend,
				     struct nx_error *error)
{
	enum nx_status status = backend->create(ascent->driver, ascent->tunnel.name, error);

	if (!status) {
		ascent->tunnel.backend = backend;
		ascent->made = true;
	}
	return status;
}

/* Make the interface with the forced backend, or with the first that this host has. */
static enum nx_status link_make(struct ascent *ascent, struct nx_error *error)
{
	const struct wg_driver *driver = ascent->driver;
	struct nx_error reason = {0};
	enum nx_status status;

	if (driver->forced) {
		status = link_make_with(ascent, driver->forced, &reason);
		return status ? driver->services->fail(error, status, NULL,
						       "the backend is set to %s, and %s",
						       driver->forced->name, reason.message)
			      : status;
	}
	status = link_make_with(ascent, &wg_backend_kernel, error);
	if (status != NX_UNSUPPORTED)
		return status;
	status = link_make_with(ascent, &wg_backend_userspace, &reason);
	if (status)
		driver->services->fail(error, status, NULL, "this kernel has no WireGuard, and %s",
				       reason.message);
	return status;
}

static enum nx_status link_obtain(struct ascent *ascent, struct nx_error *error)
{
	const char *name = ascent->tunnel.name;
	enum nx_status status = wg_link_find(ascent->driver, name, &ascent->link, error);

	if (!status)
		return backend_recognize(ascent, error);
	if (status != NX_NOT_FOUND)
		return status;
	status = link_make(ascent, error);
	/* Another program, perhaps another nexd, may have made it in the same moment. */
	if (status && wg_link_find(ascent->driver, name, &ascent->link, NULL) == NX_OK)
		return backend_recognize(ascent, error);
	if (!status)
		status = wg_link_find(ascent->driver, name, &ascent->link, error);
	if (status == NX_NOT_FOUND)
		ascent->driver->services->fail(error, status, NULL,
					       "interface %s vanished as soon as it was made", name);
	return status;
}

/* Read the device. One without a key that somebody else made may be about to get one of its maker's. */
static enum nx_status device_await(const struct ascent *ascent, struct wg_device *device,
				   struct nx_error *error)
{
	const struct nx_services *services = ascent->driver->services;
	const struct wg_tunnel *tunnel = &ascent->tunnel;
	const uint64_t deadline = services->clock_nanoseconds() + WG_MAKER_NANOSECONDS;
	enum nx_status status = tunnel->backend->read(ascent->driver, tunnel, device, error);

	while (!status && !device->has_key && !ascent->made && services->clock_nanoseconds() < deadline) {
		wg_pause();
		wg_device_clear(device);
		status = tunnel->backend->read(ascent->driver, tunnel, device, error);
	}
	return status;
}

/* Judge the device by its key, and give it ours when it has none. */
static enum nx_status key_settle(struct ascent *ascent, struct nx_error *error)
{
	const struct wg_settings settings = {.private_key = &ascent->private_key};
	const struct wg_tunnel *tunnel = &ascent->tunnel;
	struct wg_device device WG_AUTO_DEVICE = {0};
	enum nx_status status = device_await(ascent, &device, error);

	if (status)
		return status;
	ascent->adopted = is_ours(&device, &ascent->public_key);
	if (ascent->adopted)
		return NX_OK;
	if (device.has_key)
		return refuse_foreign(ascent, "its private key is not this host's", error);
	if (device.peer_count)
		return refuse_foreign(ascent, "it has peers, and no private key yet", error);
	return tunnel->backend->configure(ascent->driver, tunnel, &settings, error);
}

/* The port of an interface that is up. wireguard-go learns that it is up a moment later. */
static enum nx_status port_wait(const struct ascent *ascent, uint16_t *port, struct nx_error *error)
{
	const struct nx_services *services = ascent->driver->services;
	const uint64_t deadline = services->clock_nanoseconds() + WG_PATIENCE_NANOSECONDS;

	do {
		struct wg_device device WG_AUTO_DEVICE = {0};
		enum nx_status status =
			ascent->tunnel.backend->read(ascent->driver, &ascent->tunnel, &device, error);

		if (status)
			return status;
		if (device.listen_port) {
			*port = device.listen_port;
			return NX_OK;
		}
		wg_pause();
	} while (services->clock_nanoseconds() < deadline);
	return services->fail(error, NX_UNAVAILABLE, NULL, "interface %s is up, but has no listen port",
			      ascent->tunnel.name);
}

/*
 * Ask for the port until a wireguard-go that is just ending has left it: its interface
 * and its socket go first. An interface that was adopted had its port all the time.
 */
static enum nx_status port_claim(const struct ascent *ascent, const struct wg_settings *wanted,
				 struct nx_error *error)
{
	const struct nx_services *services = ascent->driver->services;
	const uint64_t deadline = services->clock_nanoseconds() + WG_LEAVING_NANOSECONDS;
	enum nx_status status;

	do {
		status = ascent->tunnel.backend->configure(ascent->driver, &ascent->tunnel, wanted, error);
		if (status != NX_CONFLICT || !ascent->made)
			return status;
		wg_pause();
	} while (services->clock_nanoseconds() < deadline);
	return status;
}

/*
 * The port is set on an interface that is up already: only then do both backends
 * answer at once whether it could be had.
 */
static enum nx_status port_settle(const struct ascent *ascent, uint16_t *port, struct nx_error *error)
{
	const struct wg_settings wanted = {.listen_port = ascent->request->listen_port};
	struct wg_settings former = {0};
	enum nx_status status = port_wait(ascent, &former.listen_port, error);

	if (status)
		return status;
	*port = former.listen_port;
	if (!wanted.listen_port || wanted.listen_port == former.listen_port)
		return NX_OK;
	status = port_claim(ascent, &wanted, error);
	if (status) {
		/* wireguard-go has closed the old port by now: a tunnel that ran shall go on. */
		ascent->tunnel.backend->configure(ascent->driver, &ascent->tunnel, &former, NULL);
		return status;
	}
	return port_wait(ascent, port, error);
}

static enum nx_status ascend(struct ascent *ascent, struct nx_interface *out, struct nx_error *error)
{
	const uint32_t mtu = ascent->request->mtu ? ascent->request->mtu : WG_DEFAULT_MTU;
	uint16_t port = 0;
	enum nx_status status;

	ascent->tunnel.index = ascent->link.index;
	status = key_settle(ascent, error);
	if (!status)
		status = wg_link_settle(ascent->driver, &ascent->link, mtu, error);
	if (!status)
		status = port_settle(ascent, &port, error);
	if (status)
		return status;
	out->index = ascent->link.index;
	out->listen_port = port;
	out->mtu = mtu;
	out->adopted = ascent->adopted;
	snprintf(out->backend, sizeof(out->backend), "%s", ascent->tunnel.backend->name);
	return NX_OK;
}

static void ascent_end(struct ascent *ascent)
{
	wg_key_wipe(&ascent->private_key);
}

enum nx_status wg_interface_up(struct wg_driver *driver, const struct nx_interface_request *request,
			       struct nx_interface *out, struct nx_error *error)
{
	struct ascent ascent __attribute__((cleanup(ascent_end))) = {.driver = driver, .request = request};
	enum nx_status status;

	if (!name_valid(request->name))
		return driver->services->fail(error, NX_INVALID, NULL,
					      "\"%.32s\" cannot be an interface's name", request->name);
	snprintf(ascent.tunnel.name, sizeof(ascent.tunnel.name), "%s", request->name);
	status = wg_private_key_obtain(driver, request->state_directory, &ascent.private_key, error);
	if (status)
		return status;
	wg_key_public(&ascent.private_key, &ascent.public_key);
	status = link_obtain(&ascent, error);
	if (!status)
		status = ascend(&ascent, out, error);
	if (status && ascent.made && ascent.link.index)
		wg_link_delete(driver, ascent.link.index, NULL);
	if (status)
		return status;
	driver->tunnel = ascent.tunnel;
	driver->public_key = ascent.public_key;
	return NX_OK;
}

bool wg_interface_stands(const struct wg_driver *driver)
{
	struct wg_link link;

	return driver->tunnel.backend && wg_link_find(driver, driver->tunnel.name, &link, NULL) == NX_OK &&
	       link.index == driver->tunnel.index && link.up;
}

enum nx_status wg_interface_mtu(const struct wg_driver *driver, uint32_t mtu, struct nx_error *error)
{
	struct wg_link link;
	enum nx_status status = wg_link_find(driver, driver->tunnel.name, &link, error);

	if (status == NX_NOT_FOUND || (!status && link.index != driver->tunnel.index))
		return driver->services->fail(error, NX_NOT_FOUND, NULL, "interface %s is gone",
					      driver->tunnel.name);
	return status ? status : wg_link_settle(driver, &link, mtu, error);
}

enum nx_status wg_interface_read(const struct wg_driver *driver, struct wg_device *out,
				 struct nx_error *error)
{
	const struct wg_tunnel *tunnel = &driver->tunnel;
	enum nx_status status;

	if (!tunnel->backend)
		return driver->services->fail(error, NX_UNAVAILABLE, NULL, "no WireGuard interface is up");
	if (if_nametoindex(tunnel->name) != (unsigned)tunnel->index)
		return driver->services->fail(error, NX_NOT_FOUND, NULL, "interface %s is gone",
					      tunnel->name);
	status = tunnel->backend->read(driver, tunnel, out, error);
	if (!status && !is_ours(out, &driver->public_key))
		status =
			driver->services->fail(error, NX_CONFLICT, NULL,
					       "the private key of interface %s was replaced by another one: "
					       "another program uses it. End that program and restart nexd, "
					       "or give nexd another --interface",
					       tunnel->name);
	return status;
}

enum nx_status wg_interface_down(struct wg_driver *driver, struct nx_error *error)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	enum nx_status status;

	if (!driver->tunnel.backend)
		return NX_OK;
	status = wg_interface_read(driver, &device, error);
	if (!status)
		status = wg_link_delete(driver, driver->tunnel.index, error);
	if (status == NX_NOT_FOUND)
		status = NX_OK;
	if (!status)
		driver->tunnel = (struct wg_tunnel){0};
	return status;
}
