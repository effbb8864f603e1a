/* SPDX-License-Identifier: Apache-2.0 */
/* The way from this host to another: the address it would use, and how large packets may be. */
#include <unistd.h>

#include "plugins/ipam/agent.h"
#include "plugins/ipam/socket_address.h"

enum { DISCARD = 9 }; /* the port: nothing is ever sent there */

/* Connecting a datagram socket sends nothing: the kernel only looks up the route and the source for it. */
static int connected_open(const struct ipam_agent *agent, const struct nx_address *remote)
{
	union socket_address address;

	if (remote->length != agent->family->address_length)
		return -1;
	int socket_descriptor = socket(agent->kernel->af, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (socket_descriptor < 0)
		return -1;
	socklen_t length = socket_address_set(&address, remote, DISCARD);
	if (connect(socket_descriptor, &address.any, length) == 0)
		return socket_descriptor;
	close(socket_descriptor);
	return -1;
}

bool ipam_source_address(void *instance, const struct nx_address *remote, struct nx_address *out)
{
	int socket_descriptor = connected_open(instance, remote);
	union socket_address address = {0};
	socklen_t length = sizeof(address);

	if (socket_descriptor < 0)
		return false;
	bool known = getsockname(socket_descriptor, &address.any, &length) == 0;
	close(socket_descriptor);
	if (known)
		socket_address_get(&address, out);
	return known;
}

bool ipam_path_mtu(void *instance, const struct nx_address *remote, uint32_t *out)
{
	int socket_descriptor = connected_open(instance, remote);
	bool v4 = remote->length == 4;
	int bytes = 0;
	socklen_t length = sizeof(bytes);

	if (socket_descriptor < 0)
		return false;
	bool known = getsockopt(socket_descriptor, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU,
				&bytes, &length) == 0;
	close(socket_descriptor);
	if (known && bytes > 0)
		*out = (uint32_t)bytes;
	return known && bytes > 0;
}
