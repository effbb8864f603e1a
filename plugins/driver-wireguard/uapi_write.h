/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing "set" requests of WireGuard's cross-platform configuration protocol.
 * Peers that do not fit into one request go on in the next, a peer's allowed IPs too.
 */
#ifndef NX_WIREGUARD_UAPI_WRITE_H
#define NX_WIREGUARD_UAPI_WRITE_H

#include <nexodus/driver.h>

#include "backend.h"

#define WG_UAPI_REQUEST 32768 /* bytes: some hundred peers */

/* Where complete requests go; not NX_OK ends the writing. The text is valid for the call only. */
struct wg_uapi_sink {
	enum nx_status (*send)(void *context, const char *text, size_t length, struct nx_error *error);
	void *context;
};

enum nx_status wg_uapi_write_device(const struct wg_settings *settings, const struct wg_uapi_sink *sink,
				    struct nx_error *error);

/* The changes in order, in as few requests as hold them; none for none. */
enum nx_status wg_uapi_write_peers(const struct nx_peer_change *changes, const struct wg_key *keys,
				   size_t count, const struct wg_uapi_sink *sink, struct nx_error *error);

#endif
