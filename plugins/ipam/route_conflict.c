/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/route_conflict.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/message.h"

/* --- lists
 * ------------------------------------------------------------------------------------------------------ */

void prefix_list_add(struct prefix_list *list, const struct nx_prefix *prefix)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct nx_prefix *grown = reallocarray(list->items, room, sizeof(*grown));
		if (!grown) {
			list->no_memory = true;
			return;
		}
		list->items = grown;
		list->room = room;
	}
	list->items[list->count++] = *prefix;
}

void prefix_list_free(struct prefix_list *list)
{
	free(list->items);
	*list = (struct prefix_list){0};
}

/* Of one family. */
static int prefix_order(const void *a, const void *b)
{
	const struct nx_prefix *left = a, *right = b;
	int order = memcmp(left->address.bytes, right->address.bytes, left->address.length);

	return order ? order : left->bits - right->bits;
}

void prefix_list_common(const struct prefix_list *a, struct prefix_list *b, struct prefix_list *out)
{
	if (b->count)
		qsort(b->items, b->count, sizeof(*b->items), prefix_order);
	for (size_t i = 0; b->count && i < a->count; i++) {
		if (bsearch(&a->items[i], b->items, b->count, sizeof(*b->items), prefix_order))
			prefix_list_add(out, &a->items[i]);
	}
}

/* --- the routing table
 * ------------------------------------------------------------------------------------------ */

/* One pass over the main table of the family: what the interface has, or who has a prefix. */
struct pass {
	const struct ipam_agent *agent;
	uint32_t index;
	const struct nx_prefix *sought; /* NULL: gather `through` */
	struct prefix_list through;	/* routed through the interface, whoever made it */
	uint32_t holder;		/* the interface that `sought` is routed through; 0: none */
};

static bool route_read(const struct pass *pass, const struct nlmsghdr *message, struct nx_prefix *prefix,
		       uint32_t *index)
{
	const struct rtmsg *header = message_header(message, sizeof(*header));
	const struct nlattr *attributes[RTA_OIF + 1] = {NULL};
	const uint8_t length = pass->agent->family->address_length;

	if (message->nlmsg_type != RTM_NEWROUTE || !header || header->rtm_family != pass->agent->kernel->af ||
	    header->rtm_table != RT_TABLE_MAIN || (header->rtm_flags & RTM_F_CLONED) ||
	    header->rtm_dst_len > length * 8)
		return false;
	message_attributes(message, sizeof(*header), attributes, RTA_OIF);
	prefix->bits = header->rtm_dst_len;
	if (!message_read_u32(attributes[RTA_OIF], index))
		*index = 0; /* a blackhole, or several ways */
	return message_read_address(attributes[RTA_DST], length, &prefix->address);
}

static void pass_answer(void *context, const struct nlmsghdr *message)
{
	struct pass *pass = context;
	struct nx_prefix prefix;
	uint32_t index;

	if (!route_read(pass, message, &prefix, &index))
		return;
	if (!pass->sought && index == pass->index)
		prefix_list_add(&pass->through, &prefix);
	else if (pass->sought && prefix_order(pass->sought, &prefix) == 0)
		pass->holder = index;
}

static void pass_restart(void *context)
{
	struct pass *pass = context;

	pass->through.count = 0;
	pass->holder = 0;
}

static enum nx_status pass_make(struct pass *pass, struct nx_error *error)
{
	const struct ipam_agent *agent = pass->agent;
	const struct nx_netlink_handler handler = {
		.answer = pass_answer, .restart = pass_restart, .context = pass};
	struct message_batch batch = {.length = 0};
	struct nlmsghdr *message = message_begin(&batch, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
	struct rtmsg *header = mnl_nlmsg_get_payload(message);

	header->rtm_family = agent->kernel->af;
	message_end(&batch, message);
	return agent->services->agent->netlink(agent->host, NETLINK_ROUTE, batch.data, batch.length, &handler,
					       error);
}

/* --- the judgement
 * ---------------------------------------------------------------------------------------------- */

static enum nx_status conflict_tell(const struct ipam_agent *agent, const struct nx_prefix *first,
				    size_t count, struct nx_error *error)
{
	struct pass pass = {.agent = agent, .sought = first};
	char prefix[NX_ADDRESS_TEXT], name[IF_NAMESIZE], others[48] = "";
	/* Without the holder's name the rest is worth telling all the same. */
	bool named = pass_make(&pass, NULL) == NX_OK && pass.holder && if_indextoname(pass.holder, name);

	if (count > 1)
		snprintf(others, sizeof(others), " (and %zu more)", count - 1);
	return agent->services->fail(
		error, NX_CONFLICT, NULL,
		"this host has a route to %s already%s%s%s, which is left as it is: remove it if the "
		"prefix is to be reached through the mesh",
		agent->services->address->prefix_format(first, prefix), named ? ", through " : "",
		named ? name : "", others);
}

enum nx_status route_conflict_check(const struct ipam_agent *agent, uint32_t interface_index,
				    const struct prefix_list *stood, struct nx_error *error)
{
	struct pass pass = {.agent = agent, .index = interface_index};
	const struct nx_prefix *first = NULL;
	size_t count = 0;
	enum nx_status status;

	if (!stood->count)
		return NX_OK;
	status = pass_make(&pass, error);
	if (status == NX_OK && (pass.through.no_memory || stood->no_memory))
		status = agent->services->fail(error, NX_INTERNAL, NULL,
					       "no memory for the routes that stand");
	if (status == NX_OK && pass.through.count)
		qsort(pass.through.items, pass.through.count, sizeof(*pass.through.items), prefix_order);
	for (size_t i = 0; status == NX_OK && i < stood->count; i++) {
		if (pass.through.count && bsearch(&stood->items[i], pass.through.items, pass.through.count,
						  sizeof(*pass.through.items), prefix_order))
			continue;
		first = first ? first : &stood->items[i];
		count++;
	}
	prefix_list_free(&pass.through);
	return first ? conflict_tell(agent, first, count, error) : status;
}
