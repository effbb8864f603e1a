/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stun/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

/* A burst of requests must fit while the thread sleeps; the system may give less. */
#define RECEIVE_BUFFER (1 << 20)
/* Ports that the system chose for the first address may be taken on the next. */
#define TRIES 16
#define TAKEN                                                                                                \
	": end the STUN server that runs there, or choose other ports with stun.port and "                   \
	"stun.alternate-port, or set stun.enabled to false"

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Each datagram tells the address that was asked: the answer must come from there. */
static int set_options(int fd, int family)
{
	set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	if (family == AF_INET)
		return set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) ||
	       set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

/* -1 with errno when it cannot be; *port 0 becomes the one that was chosen. */
static int socket_open(const struct nx_address *address, uint16_t *port)
{
	struct nx_endpoint endpoint = {.address = *address, .port = *port};
	struct sockaddr_storage name;
	socklen_t length = (socklen_t)nx_endpoint_to_sockaddr(&endpoint, &name);
	int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failure;

	if (fd < 0)
		return -1;
	if (set_options(fd, name.ss_family) == 0 && bind(fd, (const void *)&name, length) == 0 &&
	    getsockname(fd, (void *)&name, &length) == 0 &&
	    nx_endpoint_from_sockaddr((const void *)&name, &endpoint)) {
		*port = endpoint.port;
		return fd;
	}
	failure = errno;
	close(fd);
	errno = failure;
	return -1;
}

static void close_from(struct nx_stun_sockets *sockets, size_t first)
{
	while (sockets->count > first)
		close(sockets->socket[--sockets->count]);
}

/* 0, or the errno of `failed`, of which nothing is bound then. */
static int open_all(const struct nx_address *address, size_t count, uint16_t *port,
		    struct nx_stun_sockets *out, const struct nx_address **failed)
{
	size_t first = out->count;

	for (size_t i = 0; i < count; i++) {
		int fd = socket_open(&address[i], port);

		if (fd >= 0) {
			out->socket[out->count++] = fd;
			continue;
		}
		if (errno == EAFNOSUPPORT)
			continue;
		int failure = errno;
		*failed = &address[i];
		close_from(out, first);
		return failure;
	}
	return 0;
}

enum nx_status nx_stun_sockets_open(const struct nx_address *address, size_t count, uint16_t *port,
				    struct nx_stun_sockets *out, struct nx_error *error)
{
	const struct nx_address *failed = NULL;
	size_t first = out->count;
	uint16_t wanted = *port;
	int failure = EADDRINUSE;
	char text[NX_ADDRESS_TEXT];

	for (int i = 0; failure == EADDRINUSE && i < (wanted ? 1 : TRIES); i++) {
		*port = wanted;
		failure = open_all(address, count, port, out, &failed);
	}
	if (failure)
		return nx_fail(error, failure == EADDRINUSE ? NX_CONFLICT : NX_UNAVAILABLE, NULL,
			       "cannot answer STUN requests on %s, UDP port %u: %s%s",
			       nx_address_format(failed, text), (unsigned)wanted, strerror(failure),
			       failure == EADDRINUSE ? TAKEN : "");
	if (out->count == first)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "cannot answer STUN requests: this kernel has none of the families of "
			       "stun.listen");
	return NX_OK;
}

void nx_stun_sockets_close(struct nx_stun_sockets *sockets)
{
	close_from(sockets, 0);
}
