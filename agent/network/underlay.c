/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/underlay.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/memory.h"

/* More addresses than this are not looked at: no host needs them to be reached. */
#define ADDRESSES_LIMIT 1024u

struct gathering {
	struct nx_underlay *into;
	int our_interface;
};

/* --- the host's addresses ------------------------------------------------------------------ */

struct address_parts {
	const struct nlattr *address;
	const struct nlattr *local;
	uint32_t flags;
};

static int address_attribute(const struct nlattr *attribute, void *context)
{
	struct address_parts *parts = context;

	switch (mnl_attr_get_type(attribute)) {
	case IFA_ADDRESS:
		parts->address = attribute;
		break;
	case IFA_LOCAL: /* of a point-to-point link, where the other one is the far end */
		parts->local = attribute;
		break;
	case IFA_FLAGS:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			parts->flags = mnl_attr_get_u32(attribute);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static void address_add(struct nx_underlay *underlay, const struct nlattr *attribute)
{
	size_t length = mnl_attr_get_payload_len(attribute);
	struct nx_address address = {0};

	if ((length != 4 && length != NX_ADDRESS_BYTES) || underlay->count >= ADDRESSES_LIMIT)
		return;
	address.length = (uint8_t)length;
	memcpy(address.bytes, mnl_attr_get_payload(attribute), length);
	underlay->addresses = nx_realloc_array(underlay->addresses, underlay->count + 1, sizeof(address));
	underlay->addresses[underlay->count++] = address;
}

/* The network that comes with an address: all who are connected to it are reached over its link. */
static void network_add(struct nx_underlay *underlay, const struct nlattr *attribute, uint8_t bits)
{
	size_t length = mnl_attr_get_payload_len(attribute);
	struct nx_prefix network = {.bits = bits};

	if ((length != 4 && length != NX_ADDRESS_BYTES) || !bits || bits >= 8 * length ||
	    underlay->network_count >= ADDRESSES_LIMIT)
		return;
	network.address.length = (uint8_t)length;
	memcpy(network.address.bytes, mnl_attr_get_payload(attribute), length);
	underlay->networks =
		nx_realloc_array(underlay->networks, underlay->network_count + 1, sizeof(network));
	underlay->networks[underlay->network_count++] = nx_prefix_mask(&network);
}

static void address_answer(void *context, const struct nlmsghdr *message)
{
	const uint32_t unfit = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;
	struct gathering *gathering = context;
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct address_parts parts = {0};

	if (message->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return;
	if (header->ifa_scope != RT_SCOPE_UNIVERSE || (int)header->ifa_index == gathering->our_interface)
		return;
	parts.flags = header->ifa_flags;
	mnl_attr_parse(message, sizeof(*header), address_attribute, &parts);
	if (parts.address)
		network_add(gathering->into, parts.address, header->ifa_prefixlen);
	if (!(parts.flags & unfit) && (parts.local || parts.address))
		address_add(gathering->into, parts.local ? parts.local : parts.address);
}

static void gathering_restart(void *context)
{
	struct gathering *gathering = context;

	gathering->into->count = gathering->into->network_count = 0;
}

enum nx_status nx_underlay_read(struct nx_underlay *underlay, struct nx_netlink *route, int our_interface,
				struct nx_error *error)
{
	_Alignas(struct nlmsghdr) char room[64];
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);
	struct nx_underlay found = {0};
	struct gathering gathering = {.into = &found, .our_interface = our_interface};
	const struct nx_netlink_handler handler = {
		.answer = address_answer, .restart = gathering_restart, .context = &gathering};
	enum nx_status status;

	message->nlmsg_type = RTM_GETADDR;
	message->nlmsg_flags = NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifaddrmsg)); /* of no family: all of them */
	status = nx_netlink_request(route, message, message->nlmsg_len, &handler, error);
	if (status != NX_OK) {
		nx_underlay_release(&found);
		return status;
	}
	nx_underlay_release(underlay);
	*underlay = found;
	return NX_OK;
}

/* --- the way out ---------------------------------------------------------------------------- */

struct way_out {
	int our_interface;
	struct nx_address gateway;
};

struct way_parts {
	const struct nlattr *gateway;
	uint32_t interface;
};

static int way_attribute(const struct nlattr *attribute, void *context)
{
	struct way_parts *parts = context;

	if (mnl_attr_get_type(attribute) == RTA_GATEWAY)
		parts->gateway = attribute;
	else if (mnl_attr_get_type(attribute) == RTA_OIF && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
		parts->interface = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static void way_answer(void *context, const struct nlmsghdr *message)
{
	struct way_out *way = context;
	struct way_parts parts = {0};
	size_t length;

	if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(struct rtmsg))
		return;
	mnl_attr_parse(message, sizeof(struct rtmsg), way_attribute, &parts);
	if (!parts.gateway || (int)parts.interface == way->our_interface)
		return;
	length = mnl_attr_get_payload_len(parts.gateway);
	if (length != 4 && length != NX_ADDRESS_BYTES)
		return;
	way->gateway.length = (uint8_t)length;
	memcpy(way->gateway.bytes, mnl_attr_get_payload(parts.gateway), length);
}

struct nx_address nx_underlay_gateway(struct nx_netlink *route, const struct nx_address *remote,
				      int our_interface)
{
	_Alignas(struct nlmsghdr) char room[128];
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);
	struct way_out way = {.our_interface = our_interface};
	const struct nx_netlink_handler handler = {.answer = way_answer, .context = &way};
	const struct nx_endpoint towards = {*remote, 1};
	struct sockaddr_storage storage;
	struct rtmsg *header;

	if (nx_endpoint_to_sockaddr(&towards, &storage) <= 0)
		return way.gateway;
	message->nlmsg_type = RTM_GETROUTE;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->rtm_family = (unsigned char)storage.ss_family;
	header->rtm_dst_len = (unsigned char)(8 * remote->length);
	mnl_attr_put(message, RTA_DST, remote->length, remote->bytes);
	/* Without a way there is no gateway. */
	if (nx_netlink_request(route, message, message->nlmsg_len, &handler, NULL) != NX_OK)
		return (struct nx_address){0};
	return way.gateway;
}

bool nx_underlay_has(const struct nx_underlay *underlay, const struct nx_address *address)
{
	for (size_t i = 0; i < underlay->count; i++) {
		if (nx_address_compare(&underlay->addresses[i], address) == 0)
			return true;
	}
	return false;
}

void nx_underlay_copy(const struct nx_underlay *from, struct nx_underlay *to)
{
	nx_underlay_release(to);
	to->addresses = nx_alloc_array(from->count, sizeof(*to->addresses));
	to->count = from->count;
	if (from->count)
		memcpy(to->addresses, from->addresses, from->count * sizeof(*to->addresses));
}

void nx_underlay_release(struct nx_underlay *underlay)
{
	free(underlay->addresses);
	free(underlay->networks);
	*underlay = (struct nx_underlay){0};
}

/* --- the endpoint -------------------------------------------------------------------------------- */

/* Only an address that others may reach counts: towards a service on this very host the
 * source is a loopback address. */
static bool source_towards(const struct nx_underlay *underlay, const struct nx_family *family,
			   const struct nx_address *remote, struct nx_address *out)
{
	struct nx_address source = {0};

	if (!family->ops->source_address(family->instance, remote, &source))
		return false;
	if (source.length != family->ops->address_length || !nx_underlay_has(underlay, &source))
		return false;
	*out = source;
	return true;
}

struct nx_address nx_underlay_anywhere(uint8_t length)
{
	/* Nothing is sent: the routing table is asked for the way to somewhere outside. These bytes
	 * are a global address at any length (as 16, one set aside for documentation, RFC 3849). */
	return (struct nx_address){.length = length, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
}

static bool source_anywhere(const struct nx_underlay *underlay, const struct nx_family *family,
			    struct nx_address *out)
{
	struct nx_address remote = nx_underlay_anywhere(family->ops->address_length);

	return source_towards(underlay, family, &remote, out);
}

static bool any_address(const struct nx_underlay *underlay, uint8_t length, struct nx_address *out)
{
	for (size_t i = 0; i < underlay->count; i++) {
		if (underlay->addresses[i].length == length) {
			*out = underlay->addresses[i];
			return true;
		}
	}
	return false;
}

static const struct nx_endpoint *fixed_find(const struct nx_endpoint *fixed, size_t count, uint8_t length)
{
	for (size_t i = 0; i < count; i++) {
		if (fixed[i].address.length == length)
			return &fixed[i];
	}
	return NULL;
}

struct nx_endpoint nx_underlay_endpoint(const struct nx_underlay *underlay, const struct nx_family *family,
					const struct nx_endpoint *fixed, size_t fixed_count,
					const struct nx_address *service, uint16_t port)
{
	uint8_t length = family->ops->address_length;
	const struct nx_endpoint *given = fixed_find(fixed, fixed_count, length);
	struct nx_endpoint result = {.port = port};

	if (given) {
		result = *given;
		if (!result.port)
			result.port = port;
		return result;
	}
	if (service->length == length && source_towards(underlay, family, service, &result.address))
		return result;
	if (source_anywhere(underlay, family, &result.address) ||
	    any_address(underlay, length, &result.address))
		return result;
	return (struct nx_endpoint){0};
}
