/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard in the kernel: rtnetlink makes the interface, generic netlink configures it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "backend.h"
#include "kernel_dump.h"
#include "kernel_set.h"
#include "link.h"
#include "request.h"

static enum nx_status kernel_create(const struct wg_driver *driver, const char *name, struct nx_error *error)
{
	return wg_link_create(driver, name, wg_backend_kernel.link_kind, error);
}

/* A dump on its way into a device. */
struct dump {
	struct wg_device *device;
	bool malformed;
};

static void dump_answer(void *context, const struct nlmsghdr *message)
{
	struct dump *dump = context;

	if (!dump->malformed)
		dump->malformed = !wg_dump_read(dump->device, message, message->nlmsg_len);
}

static void dump_restart(void *context)
{
	struct dump *dump = context;

	wg_device_clear(dump->device);
	dump->malformed = false;
}

static enum nx_status kernel_read(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				  struct wg_device *out, struct nx_error *error)
{
	union {
		struct nlmsghdr header;
		uint8_t bytes[64];
	} request;
	struct dump dump = {.device = out};
	const struct wg_listener listener = {dump_answer, dump_restart, &dump};
	struct genlmsghdr *generic;
	uint16_t family;
	enum nx_status status;
	char what[64];

	status = driver->services->agent->genl_family(driver->host, WG_GENL_NAME, &family, error);
	if (status)
		return status;
	mnl_nlmsg_put_header(&request);
	generic = mnl_nlmsg_put_extra_header(&request.header, sizeof(*generic));
	request.header.nlmsg_type = family;
	request.header.nlmsg_flags = NLM_F_DUMP;
	generic->cmd = WG_CMD_GET_DEVICE;
	generic->version = WG_GENL_VERSION;
	mnl_attr_put_u32(&request.header, WGDEVICE_A_IFINDEX, (uint32_t)tunnel->index);
	snprintf(what, sizeof(what), "interface %s cannot be read", tunnel->name);
	status = wg_request_strict(driver, NETLINK_GENERIC, &request.header, &listener, what, error);
	if (!status && dump.malformed)
		status = driver->services->fail(
			error, NX_INTERNAL, NULL,
			"the kernel's description of interface %s cannot be understood", tunnel->name);
	return status;
}

/* Carries messages to the kernel and names the interface in what it refuses. */
struct carrier {
	const struct wg_driver *driver;
	const char *name;
	const char *what; /* "peers", … */
};

static enum nx_status carrier_send(void *context, struct nlmsghdr *message, struct nx_error *error)
{
	const struct carrier *carrier = context;
	char what[64];

	snprintf(what, sizeof(what), "%s of interface %s cannot be set", carrier->what, carrier->name);
	return wg_request_strict(carrier->driver, NETLINK_GENERIC, message, NULL, what, error);
}

static enum nx_status target_find(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				  struct wg_set_target *out, struct nx_error *error)
{
	out->index = (uint32_t)tunnel->index;
	return driver->services->agent->genl_family(driver->host, WG_GENL_NAME, &out->family, error);
}

static enum nx_status kernel_configure(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				       const struct wg_settings *settings, struct nx_error *error)
{
	struct carrier carrier = {driver, tunnel->name,
				  settings->private_key ? "the private key" : "the listen port"};
	const struct wg_set_sink sink = {carrier_send, &carrier};
	struct wg_set_target target;
	enum nx_status status = target_find(driver, tunnel, &target, error);

	return status ? status : wg_set_device(&target, settings, &sink, error);
}

static enum nx_status kernel_apply(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				   const struct nx_peer_change *changes, const struct wg_key *keys,
				   size_t count, struct nx_error *error)
{
	struct carrier carrier = {driver, tunnel->name, "the peers"};
	const struct wg_set_sink sink = {carrier_send, &carrier};
	struct wg_set_target target;
	enum nx_status status = target_find(driver, tunnel, &target, error);

	return status ? status : wg_set_peers(&target, changes, keys, count, &sink, error);
}

const struct wg_backend wg_backend_kernel = {
	.name = "kernel",
	.link_kind = "wireguard",
	.create = kernel_create,
	.read = kernel_read,
	.configure = kernel_configure,
	.apply = kernel_apply,
};
