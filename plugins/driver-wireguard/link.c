/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "attribute.h"
#include "request.h"

#define MESSAGE_BYTES 256 /* a header, an ifinfomsg, a name, a kind or an MTU */

/* A request of ours about links. */
struct link_request {
	union {
		struct nlmsghdr header;
		uint8_t bytes[MESSAGE_BYTES];
	};
};

static struct ifinfomsg *request_begin(struct link_request *request, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(request->bytes);

	header->nlmsg_type = type;
	header->nlmsg_flags = flags;
	return mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
}

/* A string attribute with or without its NUL, as the kernel may send it; cut to fit. */
static void attribute_text(const struct wg_attribute *attribute, char *out, size_t room)
{
	size_t length = strnlen((const char *)attribute->value.data, attribute->value.length);

	snprintf(out, room, "%.*s", (int)length, (const char *)attribute->value.data);
}

static void link_info_read(struct wg_span info, struct wg_link *link)
{
	struct wg_attribute attribute;

	while (wg_attribute_next(&info, &attribute)) {
		if (attribute.type == IFLA_INFO_KIND)
			attribute_text(&attribute, link->kind, sizeof(link->kind));
	}
}

static void link_read(void *context, const struct nlmsghdr *message)
{
	struct wg_link *link = context;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const size_t head = NLMSG_LENGTH(sizeof(*info));
	struct wg_attribute attribute;
	struct wg_span rest;

	if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < head)
		return;
	link->index = info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	rest = (struct wg_span){(const uint8_t *)info + NLMSG_ALIGN(sizeof(*info)),
				message->nlmsg_len - head};
	while (wg_attribute_next(&rest, &attribute)) {
		if (attribute.type == IFLA_IFNAME)
			attribute_text(&attribute, link->name, sizeof(link->name));
		else if (attribute.type == IFLA_MTU)
			wg_attribute_copy(&attribute, &link->mtu, sizeof(link->mtu));
		else if (attribute.type == IFLA_LINKINFO)
			link_info_read(attribute.value, link);
	}
}

enum nx_status wg_link_find(const struct wg_driver *driver, const char *name, struct wg_link *out,
			    struct nx_error *error)
{
	struct wg_link link = {0};
	const struct wg_listener listener = {.answer = link_read, .context = &link};
	struct link_request request;
	struct wg_verdict verdict;
	enum nx_status status;

	request_begin(&request, RTM_GETLINK, 0);
	mnl_attr_put_strz(&request.header, IFLA_IFNAME, name);
	status = wg_request(driver, NETLINK_ROUTE, &request.header, &listener, &verdict, error);
	if (status)
		return status;
	if (verdict.code == ENODEV)
		return NX_NOT_FOUND;
	if (verdict.code)
		return wg_refuse(driver, verdict.code, verdict.text, error,
				 "interface %s cannot be looked up", name);
	if (!link.index)
		return driver->services->fail(error, NX_INTERNAL, NULL,
					      "the kernel says nothing about interface %s", name);
	*out = link;
	return NX_OK;
}

enum nx_status wg_link_create(const struct wg_driver *driver, const char *name, const char *kind,
			      struct nx_error *error)
{
	struct link_request request;
	struct nlattr *info;
	char what[64];

	request_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	mnl_attr_put_strz(&request.header, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(&request.header, IFLA_LINKINFO);
	mnl_attr_put_str(&request.header, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(&request.header, info);
	snprintf(what, sizeof(what), "interface %s of kind %s cannot be made", name, kind);
	return wg_request_strict(driver, NETLINK_ROUTE, &request.header, NULL, what, error);
}

enum nx_status wg_link_settle(const struct wg_driver *driver, const struct wg_link *link, uint32_t mtu,
			      struct nx_error *error)
{
	struct link_request request;
	struct ifinfomsg *info;
	char what[64];

	if (link->up && link->mtu == mtu)
		return NX_OK;
	info = request_begin(&request, RTM_NEWLINK, 0);
	info->ifi_index = link->index;
	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
	if (link->mtu != mtu)
		mnl_attr_put_u32(&request.header, IFLA_MTU, mtu);
	snprintf(what, sizeof(what), "interface %s cannot be set up with MTU %u", link->name, mtu);
	return wg_request_strict(driver, NETLINK_ROUTE, &request.header, NULL, what, error);
}

enum nx_status wg_link_delete(const struct wg_driver *driver, int index, struct nx_error *error)
{
	struct link_request request;
	struct ifinfomsg *info = request_begin(&request, RTM_DELLINK, 0);

	info->ifi_index = index;
	return wg_request_strict(driver, NETLINK_ROUTE, &request.header, NULL,
				 "the interface cannot be removed", error);
}
