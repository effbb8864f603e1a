/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/socket_address.h"

#include <string.h>

socklen_t socket_address_set(union socket_address *out, const struct nx_address *address, uint16_t port)
{
	*out = (union socket_address){0};
	if (address->length == 4) {
		out->inet.sin_family = AF_INET;
		out->inet.sin_port = htons(port);
		memcpy(&out->inet.sin_addr, address->bytes, 4);
		return sizeof(out->inet);
	}
	out->inet6.sin6_family = AF_INET6;
	out->inet6.sin6_port = htons(port);
	memcpy(&out->inet6.sin6_addr, address->bytes, 16);
	return sizeof(out->inet6);
}

void socket_address_get(const union socket_address *address, struct nx_address *out)
{
	*out = (struct nx_address){.length = address->any.sa_family == AF_INET ? 4 : 16};
	memcpy(out->bytes,
	       out->length == 4 ? (const void *)&address->inet.sin_addr : &address->inet6.sin6_addr,
	       out->length);
}
