/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as the socket calls of both families take them. */
#ifndef IPAM_SOCKET_ADDRESS_H
#define IPAM_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <nexodus/address.h>
#include <sys/socket.h>

union socket_address {
	struct sockaddr any;
	struct sockaddr_in inet;
	struct sockaddr_in6 inet6;
};

/* `port` in host byte order. Answers how long the result is. */
socklen_t socket_address_set(union socket_address *out, const struct nx_address *address, uint16_t port);
/* Of one that the kernel has filled in. */
void socket_address_get(const union socket_address *address, struct nx_address *out);

#endif
