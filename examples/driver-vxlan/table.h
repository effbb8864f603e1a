/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers as the agent has told them, in memory: a pure structure that knows nothing of the kernel.
 * Searches are linear, which is fine for some thousand peers.
 */
#ifndef VX_TABLE_H
#define VX_TABLE_H

#include <stddef.h>

#include <nexodus/address.h>
#include <nexodus/driver.h>

#include "key.h"

struct vx_peer {
	/* Its public key; of a peer that was found in the kernel, and that nobody has told us of since this
	 * program started, its Ethernet address: all that the kernel knows. */
	char key[NX_PUBLIC_KEY_TEXT];
	struct vx_mac mac;
	struct nx_endpoint endpoint; /* port 0: not known */
	uint16_t keepalive_seconds;  /* nobody acts on it; it is told back */
	struct nx_prefix *prefixes;
	size_t prefix_count;
};

struct vx_table {
	struct vx_peer *peers;
	size_t count, room;
};

void vx_table_clear(struct vx_table *table);
struct vx_peer *vx_table_find(const struct vx_table *table, const char *key);
struct vx_peer *vx_table_find_mac(const struct vx_table *table, const struct vx_mac *mac);

/*
 * Add the peer, or replace its prefixes and keepalive, and its endpoint if that is to be set. A prefix
 * belongs to the peer that was given it last. NX_CONFLICT: another peer has the same Ethernet address.
 * NX_INTERNAL: no memory. The table is as it was after a failure.
 */
enum nx_status vx_table_set(struct vx_table *table, const struct nx_peer *peer, const struct vx_mac *mac,
			    bool set_endpoint);
void vx_table_remove(struct vx_table *table, const char *key);

/* Does the prefix hold one address only? */
bool vx_prefix_single(const struct nx_prefix *prefix);
bool vx_address_same(const struct nx_address *a, const struct nx_address *b);

/* Whom packets to the address go to: the longest prefix that holds it; NULL: nobody. `single` says whether
 * that prefix is the address's own. */
const struct vx_peer *vx_table_lookup(const struct vx_table *table, const struct nx_address *address,
				      bool *single);

#endif
