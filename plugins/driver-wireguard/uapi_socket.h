/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration socket of a userspace WireGuard: one request, one answer. */
#ifndef NX_WIREGUARD_UAPI_SOCKET_H
#define NX_WIREGUARD_UAPI_SOCKET_H

#include "device.h"
#include "instance.h"

#define WG_UAPI_DIRECTORY "/run/wireguard"

/*
 * Connect to the socket of interface `name`. NX_NOT_FOUND, with `error` untouched:
 * nobody listens there (no socket, or a dead one). NX_DENIED: who listens is
 * neither root nor this program's user, and must not see a private key.
 */
enum nx_status wg_uapi_connect(const struct wg_driver *driver, const char *name, int *out,
			       struct nx_error *error);

/*
 * Send one request and read its answer, in at most five seconds. `device` is NULL for
 * a "set". An errno in the answer is told as "<what>: …", see wg_refuse().
 */
enum nx_status wg_uapi_exchange(const struct wg_driver *driver, const char *name, const char *request,
				size_t length, struct wg_device *device, const char *what,
				struct nx_error *error);

#endif
