/* SPDX-License-Identifier: Apache-2.0 */
/* Echo requests and their replies: RFC 792 and RFC 4443 §4 lay them out alike. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "plugins/ipam/agent.h"
#include "plugins/ipam/socket_address.h"

/* All multi-byte members in network byte order. */
struct echo_message {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint16_t identifier;
	uint16_t sequence;
	uint8_t token[sizeof(((struct nx_echo *)0)->token)];
};
_Static_assert(sizeof(struct echo_message) == 24, "no padding");

enum {
	IP_HEADER_SHORTEST = 20,
	PACKET_ROOM = 128,   /* the longest IPv4 header and a reply, and some more to tell a longer one */
	OTHERS_AT_ONCE = 64, /* replies to somebody else's requests that are passed over in one call */
};

/* --- the socket ------------------------------------------------------------------------------- */

/* Nothing but replies is worth waking up for. */
static bool filter_set(const struct ipam_echo_types *types, int descriptor)
{
	struct icmp6_filter only6;
	const struct icmp_filter only4 = {.data = ~(1u << ICMP_ECHOREPLY)};

	if (types->protocol == IPPROTO_ICMP)
		return setsockopt(descriptor, SOL_RAW, ICMP_FILTER, &only4, sizeof(only4)) == 0;
	ICMP6_FILTER_SETBLOCKALL(&only6);
	ICMP6_FILTER_SETPASS(types->reply, &only6);
	return setsockopt(descriptor, IPPROTO_ICMPV6, ICMP6_FILTER, &only6, sizeof(only6)) == 0;
}

enum nx_status ipam_echo_open(void *instance, int *descriptor, struct nx_error *error)
{
	const struct ipam_agent *agent = instance;
	const struct ipam_echo_types *types = &agent->kernel->echo;
	const char *interface = agent->services->agent->interface_name(agent->host);
	int made = socket(agent->kernel->af, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, types->protocol);

	/* Bound to the interface, nothing leaves by another one when a route is missing. */
	if (made >= 0 && filter_set(types, made) &&
	    setsockopt(made, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) == 0) {
		*descriptor = made;
		return NX_OK;
	}
	int number = errno;
	if (made >= 0)
		close(made);
	return agent->services->fail(error, number == EPERM || number == EACCES ? NX_DENIED : NX_UNAVAILABLE,
				     NULL, "%s echoes on %s: %s", agent->family->label, interface,
				     strerror(number));
}

/* --- requests ------------------------------------------------------------------------------------ */

/* RFC 1071, whose sum is the same in any byte order. The kernel makes that of ICMPv6 itself, since it covers
 * addresses that only it knows. */
static uint16_t checksum_of(const struct echo_message *message)
{
	uint16_t words[sizeof(*message) / sizeof(uint16_t)];
	uint32_t sum = 0;

	memcpy(words, message, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

bool ipam_echo_send(void *instance, int descriptor, const struct nx_address *remote,
		    const struct nx_echo *echo)
{
	const struct ipam_agent *agent = instance;
	union socket_address to;
	socklen_t length = socket_address_set(&to, remote, 0);
	struct echo_message message = {
		.type = agent->kernel->echo.request,
		.identifier = htons(echo->identifier),
		.sequence = htons(echo->sequence),
	};

	memcpy(message.token, echo->token, sizeof(message.token));
	message.checksum = checksum_of(&message);
	return sendto(descriptor, &message, sizeof(message), MSG_NOSIGNAL, &to.any, length) ==
	       (ssize_t)sizeof(message);
}

/* --- replies ------------------------------------------------------------------------------------- */

/* The length of the IPv4 header before the message; 0 when there is none. */
static size_t header_length(const uint8_t *packet, size_t length)
{
	size_t header = length ? 4u * (packet[0] & 0x0f) : 0;

	return header >= IP_HEADER_SHORTEST && header <= length ? header : 0;
}

bool ipam_echo_read(const struct ipam_echo_types *types, const uint8_t *packet, size_t length,
		    struct nx_echo *out)
{
	size_t header = types->header ? header_length(packet, length) : 0;
	struct echo_message message;

	if ((types->header && !header) || length - header != sizeof(message))
		return false;
	memcpy(&message, packet + header, sizeof(message));
	if (message.type != types->reply || message.code != 0)
		return false;
	out->identifier = ntohs(message.identifier);
	out->sequence = ntohs(message.sequence);
	memcpy(out->token, message.token, sizeof(out->token));
	return true;
}

bool ipam_echo_receive(void *instance, int descriptor, struct nx_address *from, struct nx_echo *out)
{
	const struct ipam_agent *agent = instance;
	uint8_t packet[PACKET_ROOM];
	union socket_address sender;

	for (unsigned i = 0; i < OTHERS_AT_ONCE; i++) {
		socklen_t size = sizeof(sender);
		ssize_t length = recvfrom(descriptor, packet, sizeof(packet), 0, &sender.any, &size);

		if (length < 0)
			return false;
		if (!ipam_echo_read(&agent->kernel->echo, packet, (size_t)length, out))
			continue;
		socket_address_get(&sender, from);
		return true;
	}
	return false;
}
