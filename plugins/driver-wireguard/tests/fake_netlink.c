/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "../attribute.h"
#include "base/error.h"
#include "fake_host.h"

#define RECEIVE_BYTES 65536

struct conversation {
	struct mnl_socket *socket;
	const struct nx_netlink_handler *handler;
	unsigned first; /* sequence number of the first request */
	size_t requests;
	size_t answered;
	bool interrupted; /* NLM_F_DUMP_INTR was seen */
	int code;	  /* the first errno when nobody else hears of it */
};

static struct mnl_socket *socket_open(int protocol)
{
	struct mnl_socket *socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	int on = 1;

	if (!socket)
		return NULL;
	mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return socket;
	mnl_socket_close(socket);
	return NULL;
}

static size_t requests_number(void *messages, size_t length, unsigned first)
{
	struct nlmsghdr *message = messages;
	size_t count = 0;
	size_t left = length;

	while (left) {
		const bool dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
		size_t step = (message->nlmsg_len + 3u) & ~3u;

		message->nlmsg_flags |= (uint16_t)(NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK));
		message->nlmsg_seq = first + (unsigned)count++;
		message = (struct nlmsghdr *)((char *)message + step);
		left -= step;
	}
	return count;
}

/* The kernel's words about a refusal, if it gave any. */
static const char *extended_text(const struct nlmsghdr *message)
{
	struct wg_span rest = {mnl_nlmsg_get_payload_offset(message, sizeof(struct nlmsgerr)),
			       message->nlmsg_len - NLMSG_LENGTH(sizeof(struct nlmsgerr))};
	struct wg_attribute attribute;

	while (message->nlmsg_flags & NLM_F_ACK_TLVS && wg_attribute_next(&rest, &attribute)) {
		if (attribute.type == NLMSGERR_ATTR_MSG)
			return (const char *)attribute.value.data;
	}
	return "";
}

static void conversation_acknowledge(struct conversation *conversation, const struct nlmsghdr *message)
{
	const struct nlmsgerr *verdict = mnl_nlmsg_get_payload(message);
	const struct nx_netlink_handler *handler = conversation->handler;
	int code = message->nlmsg_type == NLMSG_ERROR ? -verdict->error : 0;

	if (handler && handler->acknowledge)
		handler->acknowledge(handler->context, message->nlmsg_seq - conversation->first, code,
				     code ? extended_text(message) : "");
	else if (code && !conversation->code)
		conversation->code = code;
	conversation->answered++;
}

static void conversation_hear(struct conversation *conversation, const struct nlmsghdr *message)
{
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		conversation->interrupted = true;
	if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE)
		conversation_acknowledge(conversation, message);
	else if (conversation->handler && conversation->handler->answer)
		conversation->handler->answer(conversation->handler->context, message);
}

static bool conversation_run(struct conversation *conversation, const void *messages, size_t length)
{
	_Alignas(struct nlmsghdr) static char memory[RECEIVE_BYTES];

	if (mnl_socket_sendto(conversation->socket, messages, length) < 0)
		return false;
	while (conversation->answered < conversation->requests) {
		const struct nlmsghdr *message = (const void *)memory;
		ssize_t received = mnl_socket_recvfrom(conversation->socket, memory, sizeof(memory));
		int left = (int)received;

		if (received < 0)
			return false;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			conversation_hear(conversation, message);
	}
	return true;
}

enum nx_status fake_netlink(struct nx_host *host, int protocol, void *messages, size_t length,
			    const struct nx_netlink_handler *handler, struct nx_error *error)
{
	static unsigned sequence = 1;
	struct conversation conversation = {.handler = handler};
	bool heard;

	(void)host;
	do {
		if (conversation.interrupted && handler && handler->restart)
			handler->restart(handler->context);
		conversation = (struct conversation){.handler = handler, .first = sequence};
		conversation.requests = requests_number(messages, length, sequence);
		sequence += (unsigned)conversation.requests;
		conversation.socket = socket_open(protocol);
		if (!conversation.socket)
			return nx_fail(error, NX_INTERNAL, NULL, "netlink: %s", strerror(errno));
		heard = conversation_run(&conversation, messages, length);
		if (!heard)
			nx_fail(error, NX_INTERNAL, NULL, "netlink: %s", strerror(errno));
		mnl_socket_close(conversation.socket);
	} while (heard && conversation.interrupted);
	if (heard && conversation.code)
		return nx_fail(error, NX_INTERNAL, NULL, "netlink: %s", strerror(conversation.code));
	return heard ? NX_OK : NX_INTERNAL;
}

static void family_answer(void *context, const struct nlmsghdr *message)
{
	struct wg_span rest = {mnl_nlmsg_get_payload_offset(message, sizeof(struct genlmsghdr)),
			       message->nlmsg_len - NLMSG_LENGTH(sizeof(struct genlmsghdr))};
	struct wg_attribute attribute;

	while (wg_attribute_next(&rest, &attribute)) {
		if (attribute.type == CTRL_ATTR_FAMILY_ID)
			wg_attribute_copy(&attribute, context, sizeof(uint16_t));
	}
}

enum nx_status fake_genl_family(struct nx_host *host, const char *name, uint16_t *out, struct nx_error *error)
{
	_Alignas(struct nlmsghdr) char memory[128];
	uint16_t family = 0;
	const struct nx_netlink_handler handler = {.answer = family_answer, .context = &family};
	struct nlmsghdr *message = mnl_nlmsg_put_header(memory);
	struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = GENL_ID_CTRL;
	generic->cmd = CTRL_CMD_GETFAMILY;
	generic->version = 1;
	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, name);
	if (fake_netlink(host, NETLINK_GENERIC, message, message->nlmsg_len, &handler, error) || !family)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "no generic netlink family %s", name);
	*out = family;
	return NX_OK;
}
