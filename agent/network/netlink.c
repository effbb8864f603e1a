/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/memory.h"

enum {
	ANSWER_SECONDS = 5,
	RECEIVE_BYTES = 1 << 20,
	/* Each request of a send leaves an answer in our receive buffer, so that a send must be small. */
	SEND_MESSAGES = 64,
	SEND_BYTES = 32768,
	DUMP_TRIES = 10,
	EXTENDED_TEXT = 200,
};

struct nx_netlink {
	int protocol;
	int descriptor;
	uint32_t port;
	uint32_t sequence;
	void *buffer;
};

/* One send and its answers. */
struct exchange {
	const struct nx_netlink_handler *handler;
	uint32_t first; /* sequence number of the first message */
	size_t base;	/* how many messages went before this send */
	size_t count;	/* messages of this send */
	size_t answered;
	bool interrupted;      /* a dump's data changed under the kernel's hand */
	enum nx_status result; /* the first refusal, for handlers without `acknowledge` */
	struct nx_error *error;
};

/* --- the socket ---------------------------------------------------------------------- */

static void option_set(int descriptor, int level, int option, int value)
{
	/* Kernels without one of these work all the same, with shorter messages. */
	(void)setsockopt(descriptor, level, option, &value, sizeof(value));
}

static enum nx_status socket_open(struct nx_netlink *netlink, struct nx_error *error)
{
	const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
	struct sockaddr_nl name = {.nl_family = AF_NETLINK};
	socklen_t length = sizeof(name);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, netlink->protocol);

	if (fd < 0)
		return nx_fail(error, nx_netlink_status(errno), NULL, "netlink socket: %s", strerror(errno));
	if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &length) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0) {
		nx_fail(error, NX_INTERNAL, NULL, "netlink socket: %s", strerror(errno));
		close(fd);
		return NX_INTERNAL;
	}
	option_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES);
	option_set(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	option_set(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	netlink->descriptor = fd;
	netlink->port = name.nl_pid;
	return NX_OK;
}

enum nx_status nx_netlink_open(int protocol, struct nx_netlink **out, struct nx_error *error)
{
	struct nx_netlink *netlink = nx_alloc(sizeof(*netlink));
	enum nx_status status;

	netlink->protocol = protocol;
	netlink->descriptor = -1;
	netlink->buffer = nx_alloc(NX_NETLINK_ROOM);
	status = socket_open(netlink, error);
	if (status == NX_OK)
		*out = netlink;
	else
		nx_netlink_close(netlink);
	return status;
}

void nx_netlink_close(struct nx_netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->descriptor >= 0)
		close(netlink->descriptor);
	free(netlink->buffer);
	free(netlink);
}

uint32_t nx_netlink_port(const struct nx_netlink *netlink)
{
	return netlink->port;
}

/* Answers that are still under way would be taken for those of later requests: start afresh. */
static void socket_renew(struct nx_netlink *netlink)
{
	struct nx_error ignored;
	int before = netlink->descriptor;

	netlink->descriptor = -1;
	/* The old one goes first, so that the new one may have its address. */
	if (before >= 0)
		close(before);
	socket_open(netlink, &ignored);
}

/* --- answers ---------------------------------------------------------------------------- */

/* The kernel's own words about a refusal (NLMSGERR_ATTR_MSG), "" when it has none. */
static void extended_text(const struct nlmsghdr *message, char text[static EXTENDED_TEXT])
{
	const struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);
	size_t length = message->nlmsg_len - NLMSG_HDRLEN;
	size_t skip = sizeof(*refusal);
	const struct nlattr *attribute;

	text[0] = '\0';
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(message->nlmsg_flags & NLM_F_CAPPED)) {
		if (refusal->msg.nlmsg_len < NLMSG_HDRLEN || refusal->msg.nlmsg_len > length)
			return;
		skip += NLMSG_ALIGN(refusal->msg.nlmsg_len - NLMSG_HDRLEN);
	}
	while (skip + sizeof(*attribute) <= length) {
		attribute = (const void *)((const char *)refusal + skip);
		if (attribute->nla_len < sizeof(*attribute) || attribute->nla_len > length - skip)
			return;
		if ((attribute->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			size_t words = attribute->nla_len - sizeof(*attribute);

			words = words < EXTENDED_TEXT - 1 ? words : EXTENDED_TEXT - 1;
			memcpy(text, attribute + 1, words);
			text[words] = '\0';
			return;
		}
		skip += NLMSG_ALIGN((size_t)attribute->nla_len);
	}
}

static void acknowledge(struct exchange *exchange, const struct nlmsghdr *message, int error)
{
	char text[EXTENDED_TEXT] = "";
	size_t position = exchange->base + (message->nlmsg_seq - exchange->first);

	if (message->nlmsg_type == NLMSG_ERROR)
		extended_text(message, text);
	exchange->answered++;
	if (exchange->handler && exchange->handler->acknowledge)
		exchange->handler->acknowledge(exchange->handler->context, position, error, text);
	else if (error && exchange->result == NX_OK)
		exchange->result = nx_fail(exchange->error, nx_netlink_status(error), NULL, "%s%s%s",
					   strerror(error), *text ? ": " : "", text);
}

static bool message_ours(const struct nx_netlink *netlink, const struct exchange *exchange,
			 const struct nlmsghdr *message)
{
	return message->nlmsg_pid == netlink->port && message->nlmsg_seq - exchange->first < exchange->count;
}

static enum nx_status message_take(struct exchange *exchange, const struct nlmsghdr *message)
{
	size_t payload = message->nlmsg_len - NLMSG_HDRLEN;
	int code;

	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		exchange->interrupted = true;
	switch (message->nlmsg_type) {
	case NLMSG_NOOP:
		return NX_OK;
	case NLMSG_OVERRUN:
		return nx_fail(exchange->error, NX_UNAVAILABLE, NULL, "netlink: answers were lost");
	case NLMSG_ERROR:
		if (payload < sizeof(struct nlmsgerr))
			return nx_fail(exchange->error, NX_INVALID, NULL, "netlink: a short refusal");
		break;
	case NLMSG_DONE:
		if (payload < sizeof(code))
			return nx_fail(exchange->error, NX_INVALID, NULL, "netlink: a short end of a dump");
		break;
	default:
		if (exchange->handler && exchange->handler->answer)
			exchange->handler->answer(exchange->handler->context, message);
		return NX_OK;
	}
	memcpy(&code, mnl_nlmsg_get_payload(message), sizeof(code));
	acknowledge(exchange, message, code < 0 ? -code : 0);
	return NX_OK;
}

static enum nx_status datagram_take(const struct nx_netlink *netlink, struct exchange *exchange,
				    size_t length)
{
	const struct nlmsghdr *message;
	size_t offset = 0;
	bool damaged;

	while ((message = nx_netlink_next(netlink->buffer, length, &offset, &damaged))) {
		enum nx_status status;

		if (!message_ours(netlink, exchange, message))
			continue;
		status = message_take(exchange, message);
		if (status != NX_OK)
			return status;
	}
	return damaged ? nx_fail(exchange->error, NX_INVALID, NULL, "netlink: a cut or damaged message")
		       : NX_OK;
}

/* --- requests ------------------------------------------------------------------------------ */

static enum nx_status chunk_send(const struct nx_netlink *netlink, const void *data, size_t length,
				 struct nx_error *error)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;

	do
		sent = sendto(netlink->descriptor, data, length, 0, (const struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	if (sent == (ssize_t)length)
		return NX_OK;
	return nx_fail(error, NX_UNAVAILABLE, NULL, "netlink: %s",
		       sent < 0 ? strerror(errno) : "a short send");
}

static enum nx_status chunk_exchange(struct nx_netlink *netlink, struct exchange *exchange, const void *data,
				     size_t length)
{
	enum nx_status status = chunk_send(netlink, data, length, exchange->error);
	size_t got;
	bool lost;

	while (status == NX_OK && exchange->answered < exchange->count) {
		status = nx_netlink_receive(netlink->descriptor, netlink->buffer, NX_NETLINK_ROOM, &got,
					    &lost, exchange->error);
		if (status == NX_OK)
			status = datagram_take(netlink, exchange, got);
	}
	if (status != NX_OK)
		socket_renew(netlink);
	return status;
}

/* How many of the messages at `data` go into one send; 0 when the first is not whole. */
static size_t chunk_measure(const char *data, size_t length, size_t *count)
{
	size_t offset = 0, end = 0;
	bool damaged;

	*count = 0;
	while (*count < SEND_MESSAGES && nx_netlink_next(data, length, &offset, &damaged)) {
		if (*count && offset > SEND_BYTES)
			break;
		end = offset;
		++*count;
	}
	return end;
}

static void chunk_number(struct nx_netlink *netlink, char *data, size_t length, bool dump)
{
	size_t offset = 0;

	while (offset < length) {
		struct nlmsghdr *message = (void *)(data + offset);

		message->nlmsg_seq = netlink->sequence++;
		message->nlmsg_pid = netlink->port;
		message->nlmsg_flags |= NLM_F_REQUEST;
		if (!dump)
			message->nlmsg_flags |= NLM_F_ACK;
		offset += NLMSG_ALIGN((size_t)message->nlmsg_len);
	}
}

static enum nx_status dump_request(struct nx_netlink *netlink, char *message, size_t length,
				   const struct nx_netlink_handler *handler, struct nx_error *error)
{
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct exchange exchange = {
			.handler = handler, .first = netlink->sequence, .count = 1, .error = error};
		enum nx_status status;

		if (i && handler && handler->restart)
			handler->restart(handler->context);
		chunk_number(netlink, message, length, true);
		status = chunk_exchange(netlink, &exchange, message, length);
		if (status != NX_OK || exchange.result != NX_OK)
			return status != NX_OK ? status : exchange.result;
		if (!exchange.interrupted)
			return NX_OK;
	}
	return nx_fail(error, NX_UNAVAILABLE, NULL, "netlink: a list kept changing while it was read");
}

static bool message_dumps(const struct nlmsghdr *message, size_t count)
{
	/* The bits of NLM_F_DUMP mean other things in requests that create. */
	return count == 1 && (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP &&
	       !(message->nlmsg_flags & NLM_F_CREATE);
}

enum nx_status nx_netlink_request(struct nx_netlink *netlink, void *messages, size_t length,
				  const struct nx_netlink_handler *handler, struct nx_error *error)
{
	enum nx_status result = NX_OK;
	size_t done = 0, base = 0, count;

	if (netlink->descriptor < 0)
		socket_renew(netlink);
	while (done < length) {
		char *chunk = (char *)messages + done;
		size_t size = chunk_measure(chunk, length - done, &count);
		struct exchange exchange = {.handler = handler,
					    .first = netlink->sequence,
					    .base = base,
					    .count = count,
					    .error = result == NX_OK ? error : NULL};
		enum nx_status status;

		if (!size)
			return nx_fail(error, NX_INVALID, NULL, "netlink: a request that is not whole");
		if (size == length && message_dumps(messages, count))
			return dump_request(netlink, messages, length, handler, error);
		chunk_number(netlink, chunk, size, false);
		status = chunk_exchange(netlink, &exchange, chunk, size);
		if (status != NX_OK)
			return status;
		if (result == NX_OK)
			result = exchange.result;
		done += size;
		base += count;
	}
	return result;
}
