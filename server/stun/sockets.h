/* SPDX-License-Identifier: Apache-2.0 */
/* The UDP sockets that STUN requests come in on: one for each address and port. */
#ifndef NX_SERVER_STUN_SOCKETS_H
#define NX_SERVER_STUN_SOCKETS_H

#include <nexodus/address.h>

#include "base/error.h"
#include "server/stun/options.h"

#define NX_STUN_SOCKETS ((size_t)2 * NX_STUN_ADDRESSES)

struct nx_stun_sockets {
	int socket[NX_STUN_SOCKETS]; /* non-blocking; tell which address each datagram was sent to */
	size_t count;
};

/*
 * Bind one port, the same on all addresses, and add the sockets to `out`. *port 0 becomes the one
 * that the system chose. An address of a family that this kernel does not have is left out. On
 * failure nothing is bound; so it is, with NX_UNSUPPORTED, when no address was left.
 */
enum nx_status nx_stun_sockets_open(const struct nx_address *address, size_t count, uint16_t *port,
				    struct nx_stun_sockets *out, struct nx_error *error);
void nx_stun_sockets_close(struct nx_stun_sockets *sockets);

#endif
