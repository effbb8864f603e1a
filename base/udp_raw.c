/* SPDX-License-Identifier: Apache-2.0 */
#include "base/udp_raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stun.h"

enum {
	IPV4_BYTES = 4,
	IPV4_HEADER_BYTES = 20, /* at least: options may follow */
	IPV4_HEADER_LIMIT = 60,
	UDP_HEADER_BYTES = 8, /* RFC 768 */
	UDP_CHECKSUM_AT = 6,
	UDP_BYTES_MINIMUM = UDP_HEADER_BYTES + NX_STUN_HEADER_BYTES,
	UDP_BYTES_LIMIT = UDP_HEADER_BYTES + NX_STUN_MESSAGE_BYTES,
	STUN_SUCCESS = 0x0101, /* Binding responses, RFC 8489 §5 */
	STUN_ERROR = 0x0111,
};

#define STUN_COOKIE 0x2112a442u

/* --- the filter ------------------------------------------------------------------------------ */

/*
 * Packets come to raw sockets with their IP header in one family, from their UDP header on in the
 * other (ip(7), ipv6(7)). `x` is where the UDP header begins.
 */
static enum nx_status filter_attach(int descriptor, bool ip_header, uint16_t port, struct nx_error *error)
{
	struct sock_filter code[] = {
		ip_header ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
			  : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2), /* destination port */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 9),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4), /* length */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, UDP_BYTES_MINIMUM, 0, 7),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, UDP_BYTES_LIMIT, 6, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, UDP_HEADER_BYTES + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STUN_COOKIE, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, UDP_HEADER_BYTES),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STUN_SUCCESS, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STUN_ERROR, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, IPV4_HEADER_LIMIT + UDP_BYTES_LIMIT),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = NX_COUNT(code), .filter = code};
	const int on = 1;

	if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0 ||
	    setsockopt(descriptor, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) != 0)
		return nx_fail(error, NX_INTERNAL, NULL, "the filter of a raw socket: %s", strerror(errno));
	return NX_OK;
}

/* Between its making and its filter, a raw socket takes whatever comes. */
static void queue_drain(int descriptor)
{
	char byte;

	while (recv(descriptor, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == EINTR)
		;
}

/* --- opening ------------------------------------------------------------------------------------ */

static enum nx_status open_failed(struct nx_error *error)
{
	if (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "the kernel does not do this address family");
	return nx_fail(error, errno == EPERM || errno == EACCES ? NX_DENIED : NX_INTERNAL, NULL,
		       "a raw socket: %s", strerror(errno));
}

/* In one family the kernel makes the UDP checksum (RFC 3542 §3.1), in the other we do. */
static enum nx_status options_set(int descriptor, bool ip_header, struct nx_error *error)
{
	const int offset = UDP_CHECKSUM_AT;

	if (!ip_header && setsockopt(descriptor, IPPROTO_IPV6, IPV6_CHECKSUM, &offset, sizeof(offset)) != 0)
		return nx_fail(error, NX_INTERNAL, NULL, "the checksum of a raw socket: %s", strerror(errno));
	return NX_OK;
}

enum nx_status nx_udp_raw_open(uint8_t address_length, uint16_t port, int *descriptor, struct nx_error *error)
{
	bool ip_header = address_length == IPV4_BYTES;
	int made =
		socket(ip_header ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	enum nx_status status;

	if (made < 0)
		return open_failed(error);
	status = filter_attach(made, ip_header, port, error);
	if (status == NX_OK)
		status = options_set(made, ip_header, error);
	if (status != NX_OK) {
		close(made);
		return status;
	}
	queue_drain(made);
	*descriptor = made;
	return NX_OK;
}

/* --- sending ------------------------------------------------------------------------------------ */

bool nx_udp_raw_source(const struct nx_endpoint *to, struct nx_address *out)
{
	struct sockaddr_storage remote = {0}, local = {0};
	socklen_t length = (socklen_t)nx_endpoint_to_sockaddr(to, &remote);
	NX_AUTO_CLOSE int descriptor = socket(remote.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct nx_endpoint source;

	/* Nothing is sent: the kernel looks for the way. */
	if (descriptor < 0 || connect(descriptor, (const struct sockaddr *)&remote, length) != 0)
		return false;
	length = sizeof(local);
	if (getsockname(descriptor, (struct sockaddr *)&local, &length) != 0 ||
	    !nx_endpoint_from_sockaddr((const struct sockaddr *)&local, &source))
		return false;
	*out = source.address;
	return true;
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum_add(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

/* Over the pseudo header and the datagram (RFC 768); 0 would say that there is none. */
static uint16_t checksum(const struct nx_address *source, const struct nx_address *destination,
			 const uint8_t *datagram, size_t length)
{
	uint32_t sum = IPPROTO_UDP + (uint32_t)length;

	sum = sum_add(sum, source->bytes, source->length);
	sum = sum_add(sum, destination->bytes, destination->length);
	sum = sum_add(sum, datagram, length);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum ? (uint16_t)~sum : 0xffff;
}

/* The source that the checksum was made with is the one that the packet leaves from. */
static void source_put(struct msghdr *message, const struct nx_address *source)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);

	if (source->length == IPV4_BYTES) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, source->bytes, sizeof(info.ipi_spec_dst));
		control->cmsg_level = IPPROTO_IP;
		control->cmsg_type = IP_PKTINFO;
		control->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(control), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {0};

		memcpy(&info.ipi6_addr, source->bytes, sizeof(info.ipi6_addr));
		control->cmsg_level = IPPROTO_IPV6;
		control->cmsg_type = IPV6_PKTINFO;
		control->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(control), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

static enum nx_status datagram_send(int descriptor, const struct nx_address *source,
				    const struct nx_address *destination, struct iovec datagram,
				    struct nx_error *error)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	/* A raw socket takes no port: the kernel refuses one in a family. */
	const struct nx_endpoint remote = {.address = *destination};
	struct sockaddr_storage name = {0};
	struct msghdr message = {
		.msg_name = &name,
		.msg_namelen = (socklen_t)nx_endpoint_to_sockaddr(&remote, &name),
		.msg_iov = &datagram,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	source_put(&message, source);
	if (sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)datagram.iov_len)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot send: %s", strerror(errno));
	return NX_OK;
}

enum nx_status nx_udp_raw_send(int descriptor, const struct nx_address *source, uint16_t port,
			       const struct nx_endpoint *to, const void *data, size_t length,
			       struct nx_error *error)
{
	uint8_t datagram[UDP_BYTES_LIMIT];
	size_t whole = UDP_HEADER_BYTES + length;

	if (whole > sizeof(datagram) || source->length != to->address.length)
		return nx_fail(error, NX_INVALID, NULL, "cannot send: too long, or of two families");
	put16(datagram, port);
	put16(datagram + 2, to->port);
	put16(datagram + 4, (unsigned)whole);
	put16(datagram + UDP_CHECKSUM_AT, 0);
	memcpy(datagram + UDP_HEADER_BYTES, data, length);
	if (source->length == IPV4_BYTES)
		put16(datagram + UDP_CHECKSUM_AT, checksum(source, &to->address, datagram, whole));
	return datagram_send(descriptor, source, &to->address,
			     (struct iovec){.iov_base = datagram, .iov_len = whole}, error);
}

/* --- receiving ---------------------------------------------------------------------------------- */

/* Where the UDP header begins; `length` where it is not. */
static size_t header_skip(const uint8_t *packet, size_t length, bool ip_header)
{
	size_t skip = ip_header ? (packet[0] & 0xfu) * 4u : 0;

	if (ip_header && (length < IPV4_HEADER_BYTES || skip < IPV4_HEADER_BYTES))
		return length;
	return skip < length ? skip : length;
}

/* The content of a whole datagram; its length, 0 for none. */
static size_t content_take(const uint8_t *packet, size_t length, struct nx_endpoint *from, void *out,
			   size_t room)
{
	size_t skip = header_skip(packet, length, from->address.length == IPV4_BYTES);
	const uint8_t *header = packet + skip;
	size_t stated;

	if (length - skip < UDP_HEADER_BYTES)
		return 0;
	stated = (size_t)(header[4] << 8 | header[5]);
	if (stated <= UDP_HEADER_BYTES || stated > length - skip || stated - UDP_HEADER_BYTES > room)
		return 0;
	from->port = (uint16_t)(header[0] << 8 | header[1]);
	memcpy(out, header + UDP_HEADER_BYTES, stated - UDP_HEADER_BYTES);
	return stated - UDP_HEADER_BYTES;
}

size_t nx_udp_raw_receive(int descriptor, void *out, size_t room, struct nx_endpoint *from)
{
	uint8_t packet[IPV4_HEADER_LIMIT + UDP_BYTES_LIMIT];
	size_t taken = 0;

	while (!taken) {
		struct sockaddr_storage name = {0};
		socklen_t name_length = sizeof(name);
		ssize_t got = recvfrom(descriptor, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC,
				       (struct sockaddr *)&name, &name_length);

		if (got < 0 && errno != EINTR)
			return 0;
		if (got > 0 && (size_t)got <= sizeof(packet) &&
		    nx_endpoint_from_sockaddr((const struct sockaddr *)&name, from))
			taken = content_take(packet, (size_t)got, from, out, room);
	}
	return taken;
}
