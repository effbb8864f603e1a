/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where connections come from: how many each address has, and which of them are
 * idle. An IPv4 address counts alone, IPv6 addresses count by their /64, which is
 * what one customer is given. HTTP thread only.
 */
#ifndef NX_SERVER_HTTP_PEER_H
#define NX_SERVER_HTTP_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct sockaddr;
struct nx_peers;
struct nx_connection;

TAILQ_HEAD(nx_idle_list, nx_connection); /* longest idle first */

#define NX_PEER_KEY 16
#define NX_PEER_TEXT 46

struct nx_peer {
	LIST_ENTRY(nx_peer) bucket;
	uint8_t key[NX_PEER_KEY];
	unsigned references;  /* connections that point here */
	unsigned connections; /* those that count: not the watchers */
	struct nx_idle_list idle;
};

struct nx_peers *nx_peers_new(void);
void nx_peers_free(struct nx_peers *peers); /* all connections are gone; NULL is fine */
/* The peer of an address, made when it is new, with one more reference. */
struct nx_peer *nx_peer_hold(struct nx_peers *peers, const struct sockaddr *address);
void nx_peer_release(struct nx_peer *peer);

/* The key of an address, as limits count it. */
void nx_peer_key(const struct sockaddr *address, uint8_t key[static NX_PEER_KEY]);
/* The address as text, without port. */
void nx_peer_format(const struct sockaddr *address, char text[static NX_PEER_TEXT]);

#endif
