/* SPDX-License-Identifier: Apache-2.0 */
/* The family's routes through the interface, in the main table, tagged with our protocol number. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/ipam/message.h"
#include "plugins/ipam/route_conflict.h"

/* --- what stands
 * ------------------------------------------------------------------------------------------------ */

struct route_list {
	const struct ipam_agent *agent;
	uint32_t index;
	struct prefix_list prefixes;
};

/* Is it a route of ours, as far as its header says? A kernel without IPv6 answers for IPv4. */
static bool header_ours(const struct ipam_agent *agent, const struct rtmsg *header)
{
	return header->rtm_family == agent->kernel->af && header->rtm_protocol == IPAM_PROTOCOL &&
	       header->rtm_table == RT_TABLE_MAIN && header->rtm_type == RTN_UNICAST &&
	       !(header->rtm_flags & RTM_F_CLONED) &&
	       header->rtm_dst_len <= agent->family->address_length * 8;
}

static void list_answer(void *context, const struct nlmsghdr *message)
{
	struct route_list *list = context;
	const struct rtmsg *header = message_header(message, sizeof(*header));
	const struct nlattr *attributes[RTA_OIF + 1] = {NULL};
	struct nx_prefix prefix;
	uint32_t index;

	if (message->nlmsg_type != RTM_NEWROUTE || !header || !header_ours(list->agent, header))
		return;
	message_attributes(message, sizeof(*header), attributes, RTA_OIF);
	if (!message_read_u32(attributes[RTA_OIF], &index) || index != list->index ||
	    !message_read_address(attributes[RTA_DST], list->agent->family->address_length, &prefix.address))
		return;
	prefix.bits = header->rtm_dst_len;
	prefix_list_add(&list->prefixes, &prefix);
}

static void list_restart(void *context)
{
	struct route_list *list = context;

	list->prefixes.count = 0;
}

static enum nx_status list_take(struct route_list *list, struct nx_error *error)
{
	const struct ipam_agent *agent = list->agent;
	const struct nx_netlink_handler handler = {
		.answer = list_answer, .restart = list_restart, .context = list};
	struct message_batch batch = {.length = 0};
	struct nlmsghdr *message = message_begin(&batch, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
	struct rtmsg *header = mnl_nlmsg_get_payload(message);

	header->rtm_family = agent->kernel->af;
	message_end(&batch, message);
	enum nx_status status = agent->services->agent->netlink(agent->host, NETLINK_ROUTE, batch.data,
								batch.length, &handler, error);
	if (status == NX_OK && list->prefixes.no_memory)
		return agent->services->fail(error, NX_INTERNAL, NULL, "no memory for the routes that stand");
	return status;
}

enum nx_status ipam_routes_observe(void *instance, int interface_index,
				   void (*each)(void *context, const struct nx_prefix *prefix), void *context,
				   struct nx_error *error)
{
	const struct ipam_agent *agent = instance;
	struct route_list list = {.agent = agent, .index = (uint32_t)interface_index};
	enum nx_status status = list_take(&list, error);

	if (status == NX_OK) {
		for (size_t i = 0; i < list.prefixes.count; i++)
			each(context, &list.prefixes.items[i]);
		for (size_t i = 0; i < IPAM_ADDRESSES; i++) {
			if (agent->connected[i].wanted)
				each(context, &agent->connected[i].prefix);
		}
	}
	prefix_list_free(&list.prefixes);
	return status;
}

/* --- changes
 * ---------------------------------------------------------------------------------------------------- */

/* One send, and what became of it. */
struct route_send {
	struct ipam_agent *agent;
	uint32_t index;
	const struct nx_address *source;
	uint16_t type;		       /* RTM_NEWROUTE or RTM_DELROUTE */
	bool replace;		       /* routes of ours that stand get another source */
	const struct nx_prefix **sent; /* what each request is about */
	size_t sent_count;
	struct message_batch batch;
	struct prefix_list stood; /* what a route stood for already: ours, or another's */
	enum nx_status status;	  /* of the first failure, which `error` tells */
	struct nx_error *error;
};

enum { SEND_MAXIMUM = MESSAGE_ROOM / 32 };

static void route_put(struct route_send *send, const struct nx_prefix *prefix)
{
	bool add = send->type == RTM_NEWROUTE;
	const struct ipam_kernel *kernel = send->agent->kernel;
	uint16_t how = send->replace ? NLM_F_REPLACE : NLM_F_CREATE | NLM_F_EXCL;
	struct nlmsghdr *message =
		message_begin(&send->batch, send->type, add ? how : 0, sizeof(struct rtmsg));
	struct rtmsg *header = mnl_nlmsg_get_payload(message);

	header->rtm_family = kernel->af;
	header->rtm_dst_len = prefix->bits;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = IPAM_PROTOCOL;
	header->rtm_scope = kernel->route_scope;
	header->rtm_type = RTN_UNICAST;
	message_put_address(message, RTA_DST, &prefix->address);
	mnl_attr_put_u32(message, RTA_OIF, send->index);
	if (kernel->route_metric)
		mnl_attr_put_u32(message, RTA_PRIORITY, kernel->route_metric);
	if (add && kernel->route_source && send->source->length == prefix->address.length)
		message_put_address(message, RTA_PREFSRC, send->source);
	message_end(&send->batch, message);
	send->sent[send->sent_count++] = prefix;
}

static void route_acknowledge(void *context, size_t request, int number, const char *text)
{
	struct route_send *send = context;
	bool add = send->type == RTM_NEWROUTE;

	if (number == EEXIST && add)
		prefix_list_add(&send->stood, send->sent[request]);
	if (number == 0 || number == (add ? EEXIST : ESRCH) || send->status != NX_OK)
		return;
	/* The routes went with the interface or with the family. */
	if (!add && (number == ENODEV || message_unsupported(number)))
		return;
	send->status = message_refused(send->agent, add ? "add the route" : "remove the route",
				       send->sent[request], number, text, send->error);
}

/* Send what has gathered. A route that is refused does not stop the others. */
static enum nx_status send_flush(struct route_send *send)
{
	const struct nx_netlink_handler handler = {.acknowledge = route_acknowledge, .context = send};
	enum nx_status status = NX_OK;

	if (send->sent_count)
		status = send->agent->services->agent->netlink(send->agent->host, NETLINK_ROUTE,
							       send->batch.data, send->batch.length, &handler,
							       send->status == NX_OK ? send->error : NULL);
	send->batch.length = 0;
	send->sent_count = 0;
	return status;
}

/* The route that the kernel keeps itself, with our address: neither made nor removed, only remembered. */
static struct ipam_connected *connected_find(struct ipam_agent *agent, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < IPAM_ADDRESSES; i++) {
		const struct nx_prefix *connected = &agent->connected[i].prefix;

		if (connected->address.length && connected->bits == prefix->bits &&
		    agent->services->address->address_compare(&connected->address, &prefix->address) == 0)
			return &agent->connected[i];
	}
	return NULL;
}

static enum nx_status routes_send(struct route_send *send, uint16_t type, const struct nx_prefix *prefixes,
				  size_t count)
{
	enum nx_status status = NX_OK;

	send->type = type;
	for (size_t i = 0; i < count && status == NX_OK; i++) {
		if (prefixes[i].address.length != send->agent->family->address_length)
			continue;
		struct ipam_connected *connected = connected_find(send->agent, &prefixes[i]);

		if (connected) {
			connected->wanted = type == RTM_NEWROUTE;
			continue;
		}
		route_put(send, &prefixes[i]);
		if (!message_fits(&send->batch))
			status = send_flush(send);
	}
	return status == NX_OK ? send_flush(send) : status;
}

/*
 * Of the routes that stood where some were to be made, those that are ours get the source: while there are
 * two addresses, they go on standing with the other one. In one step, so that no packet finds none.
 */
static enum nx_status sources_set(struct route_send *send)
{
	struct route_list ours = {.agent = send->agent, .index = send->index};
	struct prefix_list stale = {0};
	enum nx_status status = NX_OK;

	if (!send->stood.count || !send->agent->kernel->route_source)
		return NX_OK;
	status = list_take(&ours, send->error);
	if (status == NX_OK)
		prefix_list_common(&send->stood, &ours.prefixes, &stale);
	send->replace = true;
	if (status == NX_OK && stale.count)
		status = routes_send(send, RTM_NEWROUTE, stale.items, stale.count);
	send->replace = false;
	prefix_list_free(&ours.prefixes);
	prefix_list_free(&stale);
	return status;
}

enum nx_status ipam_routes_apply(void *instance, int interface_index, const struct nx_address *source,
				 const struct nx_prefix *add, size_t add_count,
				 const struct nx_prefix *remove, size_t remove_count, struct nx_error *error)
{
	const struct nx_prefix *sent[SEND_MAXIMUM];
	struct route_send send = {
		.agent = instance,
		.index = (uint32_t)interface_index,
		.source = source,
		.sent = sent,
		.error = error,
	};
	/* Removing first: a prefix may leave one length and come back in another. */
	enum nx_status status = routes_send(&send, RTM_DELROUTE, remove, remove_count);

	if (status == NX_OK)
		status = routes_send(&send, RTM_NEWROUTE, add, add_count);
	if (status == NX_OK)
		status = sources_set(&send);
	if (status == NX_OK)
		status = send.status;
	if (status == NX_OK)
		status = route_conflict_check(send.agent, send.index, &send.stood, error);
	prefix_list_free(&send.stood);
	return status;
}
