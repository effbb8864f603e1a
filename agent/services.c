/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <string.h>

#include "agent/loop.h"
#include "agent/program.h"
#include "base/loader.h"

static struct nx_services_base *host_base(const struct nx_host *host)
{
	return nx_host_program(host);
}

/* --- netlink ---------------------------------------------------------------------------- */

static struct nx_netlink *socket_get(struct nx_netlink **place, int protocol, struct nx_error *error)
{
	if (!*place && nx_netlink_open(protocol, place, error) != NX_OK)
		return NULL;
	return *place;
}

struct nx_netlink *nx_services_route(struct nx_services_base *base, struct nx_error *error)
{
	return socket_get(&base->route, NETLINK_ROUTE, error);
}

static enum nx_status service_netlink(struct nx_host *host, int protocol, void *messages, size_t length,
				      const struct nx_netlink_handler *handler, struct nx_error *error)
{
	struct nx_services_base *base = host_base(host);
	struct nx_netlink **place = protocol == NETLINK_ROUTE ? &base->route : &base->generic;
	struct nx_netlink *netlink;

	if (protocol != NETLINK_ROUTE && protocol != NETLINK_GENERIC)
		return nx_fail(error, NX_INVALID, NULL, "netlink protocol %d is not offered", protocol);
	netlink = socket_get(place, protocol, error);
	return netlink ? nx_netlink_request(netlink, messages, length, handler, error) : NX_UNAVAILABLE;
}

static int family_attribute(const struct nlattr *attribute, void *context)
{
	uint16_t *id = context;

	if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID &&
	    mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0)
		*id = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static void family_answer(void *context, const struct nlmsghdr *message)
{
	if (message->nlmsg_type == GENL_ID_CTRL &&
	    mnl_nlmsg_get_payload_len(message) >= sizeof(struct genlmsghdr))
		mnl_attr_parse(message, sizeof(struct genlmsghdr), family_attribute, context);
}

static enum nx_status service_genl_family(struct nx_host *host, const char *name, uint16_t *out,
					  struct nx_error *error)
{
	_Alignas(struct nlmsghdr) char room[256];
	uint16_t id = 0;
	const struct nx_netlink_handler handler = {.answer = family_answer, .context = &id};
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);
	struct genlmsghdr *generic;
	enum nx_status status;

	if (strlen(name) >= GENL_NAMSIZ)
		return nx_fail(error, NX_INVALID, NULL, "%s is no generic netlink family's name", name);
	message->nlmsg_type = GENL_ID_CTRL;
	generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
	generic->cmd = CTRL_CMD_GETFAMILY;
	generic->version = 1;
	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, name);
	status = service_netlink(host, NETLINK_GENERIC, message, message->nlmsg_len, &handler, error);
	if (status == NX_NOT_FOUND || (status == NX_OK && !id))
		return nx_fail(error, NX_UNSUPPORTED, NULL, "the kernel has no %s", name);
	if (status == NX_OK)
		*out = id;
	return status;
}

/* --- the loop ------------------------------------------------------------------------------ */

static struct nx_watch *service_watch_descriptor(struct nx_host *host, int descriptor,
						 void (*ready)(void *context), void *context)
{
	return nx_watch_readable(host_base(host)->loop, descriptor, ready, context);
}

static struct nx_watch *service_watch_timer(struct nx_host *host, uint64_t milliseconds,
					    void (*due)(void *context), void *context)
{
	return nx_watch_every(host_base(host)->loop, milliseconds, due, context);
}

static void service_reconcile(struct nx_host *host)
{
	const struct nx_services_base *base = host_base(host);

	if (base->reconcile)
		base->reconcile(base->context);
}

/* --- the host -------------------------------------------------------------------------------- */

static const char *service_state_directory(struct nx_host *host)
{
	return host_base(host)->state_directory;
}

static const char *service_interface_name(struct nx_host *host)
{
	return host_base(host)->interface_name;
}

static enum nx_status service_run(struct nx_host *host, const char *const *arguments, const char *input,
				  char *output, size_t room, struct nx_error *error)
{
	(void)host;
	return nx_program_run(arguments, input, output, output ? room : 0, error);
}

const struct nx_agent_services nx_agent_services = {
	.size = sizeof(nx_agent_services),
	.netlink = service_netlink,
	.genl_family = service_genl_family,
	.watch_descriptor = service_watch_descriptor,
	.watch_timer = service_watch_timer,
	.watch_end = nx_watch_end,
	.reconcile = service_reconcile,
	.state_directory = service_state_directory,
	.interface_name = service_interface_name,
	.run = service_run,
};

void nx_services_release(struct nx_services_base *base)
{
	nx_netlink_close(base->route);
	nx_netlink_close(base->generic);
	base->route = base->generic = NULL;
}
