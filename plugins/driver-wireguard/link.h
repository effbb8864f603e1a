/* SPDX-License-Identifier: Apache-2.0 */
/* Network interfaces over rtnetlink: just what a tunnel needs. */
#ifndef NX_WIREGUARD_LINK_H
#define NX_WIREGUARD_LINK_H

#include "instance.h"

struct wg_link {
	int index;
	uint32_t mtu;
	bool up; /* IFF_UP */
	char name[IF_NAMESIZE];
	char kind[16]; /* "wireguard", "tun", …; "" for hardware */
};

/* Find an interface by name. NX_NOT_FOUND, with `error` untouched, when there is none. */
enum nx_status wg_link_find(const struct wg_driver *driver, const char *name, struct wg_link *out,
			    struct nx_error *error);

/* NX_UNSUPPORTED: the kernel knows no such kind. NX_CONFLICT: the name is taken. */
enum nx_status wg_link_create(const struct wg_driver *driver, const char *name, const char *kind,
			      struct nx_error *error);

/* Give the interface this MTU and set it up, touching only what differs. */
enum nx_status wg_link_settle(const struct wg_driver *driver, const struct wg_link *link, uint32_t mtu,
			      struct nx_error *error);

enum nx_status wg_link_delete(const struct wg_driver *driver, int index, struct nx_error *error);

#endif
