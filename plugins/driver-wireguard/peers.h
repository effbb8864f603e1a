/* SPDX-License-Identifier: Apache-2.0 */
/* The peers of the interface that is up: as peers_* of `struct nx_driver_ops`. */
#ifndef NX_WIREGUARD_PEERS_H
#define NX_WIREGUARD_PEERS_H

#include "backend.h"

enum nx_status wg_peers_observe(const struct wg_driver *driver,
				void (*each)(void *context, const struct nx_peer *peer), void *context,
				struct nx_error *error);

/* All changes are judged before the first is sent: NX_INVALID changes nothing, and
 * `error->id` then begins with the public key of the peer that is wrong. */
enum nx_status wg_peers_apply(const struct wg_driver *driver, const struct nx_peer_change *changes,
			      size_t count, struct nx_error *error);

enum nx_status wg_peers_status(const struct wg_driver *driver,
			       void (*each)(void *context, const struct nx_peer_status *status),
			       void *context, struct nx_error *error);

#endif
