/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the interface: made or adopted, judged, taken away. */
#ifndef NX_WIREGUARD_INTERFACE_H
#define NX_WIREGUARD_INTERFACE_H

#include "backend.h"

/* A UDP header, a message's header, and the tag of its cipher. */
#define WG_OVERHEAD (8 + 16 + 16)
#define WG_DEFAULT_MTU (1500 - 40 - WG_OVERHEAD)

/*
 * As interface_up of `struct nx_driver_ops`. Whose an interface is, is told by its
 * key: ours, and it is adopted as it runs; none and no peers, and nobody uses it
 * yet, so it is taken; any other, and it is refused (NX_CONFLICT). On failure an
 * interface that was made here is gone again, and what was up before is still noted.
 */
enum nx_status wg_interface_up(struct wg_driver *driver, const struct nx_interface_request *request,
			       struct nx_interface *out, struct nx_error *error);

/* Does the interface that was brought up still stand, under the same index, and is it up? */
bool wg_interface_stands(const struct wg_driver *driver);

/* Give the interface that was brought up another MTU, if it still stands; NX_NOT_FOUND otherwise. */
enum nx_status wg_interface_mtu(const struct wg_driver *driver, uint32_t mtu, struct nx_error *error);

/* The device as it is now, if it is still ours (otherwise NX_CONFLICT). The caller clears `out`. */
enum nx_status wg_interface_read(const struct wg_driver *driver, struct wg_device *out,
				 struct nx_error *error);

/* Take the interface away if it is still ours; NX_OK too when none was up or it is gone. */
enum nx_status wg_interface_down(struct wg_driver *driver, struct nx_error *error);

#endif
