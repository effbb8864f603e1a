/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways to a WireGuard device: the kernel's generic netlink family, and
 * wireguard-go's configuration socket. A tunnel says which interface is meant;
 * failures leave outputs untouched unless a comment says otherwise.
 */
#ifndef NX_WIREGUARD_BACKEND_H
#define NX_WIREGUARD_BACKEND_H

#include "device.h"
#include "instance.h"

/* What is set on the device itself. Never replaces peers. */
struct wg_settings {
	const struct wg_key *private_key; /* NULL: as it is */
	uint16_t listen_port;		  /* 0: as it is */
};

struct wg_backend {
	const char *name;      /* as in the configuration and in status */
	const char *link_kind; /* rtnetlink's name for its interfaces */
	/* Make the interface, without a key and down. NX_UNSUPPORTED: this host cannot. */
	enum nx_status (*create)(const struct wg_driver *driver, const char *name, struct nx_error *error);
	/* The whole device into an empty `out`, which the caller clears in any case. */
	enum nx_status (*read)(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
			       struct wg_device *out, struct nx_error *error);
	enum nx_status (*configure)(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				    const struct wg_settings *settings, struct nx_error *error);
	/* `keys` are the parsed public keys of `changes`. In order; what precedes a failure is done. */
	enum nx_status (*apply)(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				const struct nx_peer_change *changes, const struct wg_key *keys, size_t count,
				struct nx_error *error);
};

extern const struct wg_backend wg_backend_kernel;
extern const struct wg_backend wg_backend_userspace;

#endif
