/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of hosts and servers as a person writes them, and as agents are told them.
 * Items stand between commas or blanks. Pure functions, any thread.
 */
#ifndef NX_SERVER_STUN_NAMES_H
#define NX_SERVER_STUN_NAMES_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define NX_STUN_NAMES_LIMIT 16 /* of one list */

/* Is it a list such as "stun.example.com, 192.0.2.1, 2001:db8::1", or empty? */
enum nx_status nx_stun_hosts_check(const char *list, struct nx_error *error);
/* Is it a list such as "stun.example.com:3478, [2001:db8::1]:3478", or empty? */
enum nx_status nx_stun_servers_check(const char *list, struct nx_error *error);

struct nx_stun_names {
	const char *hosts;   /* our own; "": that of the service, whatever an agent knows it by */
	uint16_t port[2];    /* ours; 0: not answered */
	const char *servers; /* further ones */
};

/* Write {"servers":["host:port",…]}, ours first; both lists have been checked. */
void nx_stun_names_write(const struct nx_stun_names *names, struct nx_buffer *out);

#endif
