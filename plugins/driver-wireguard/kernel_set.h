/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing WG_CMD_SET_DEVICE messages (see <linux/wireguard.h>). Peers that do not
 * fit into one message go on in the next, a peer's allowed IPs too.
 */
#ifndef NX_WIREGUARD_KERNEL_SET_H
#define NX_WIREGUARD_KERNEL_SET_H

#include <nexodus/driver.h>

#include "backend.h"

struct nlmsghdr;

/* The most bytes that one message has: small enough for any receiver of its echo in an
 * error, large enough for about a hundred peers. */
#define WG_MESSAGE_BYTES 16384

/* Where complete messages go; not NX_OK ends the writing. The message is valid for the call only. */
struct wg_set_sink {
	enum nx_status (*send)(void *context, struct nlmsghdr *message, struct nx_error *error);
	void *context;
};

/* Which device: the family's number and the interface. */
struct wg_set_target {
	uint16_t family;
	uint32_t index;
};

/* One message with the settings of the device. */
enum nx_status wg_set_device(const struct wg_set_target *target, const struct wg_settings *settings,
			     const struct wg_set_sink *sink, struct nx_error *error);

/* The changes in order, in as few messages as hold them; none for none. */
enum nx_status wg_set_peers(const struct wg_set_target *target, const struct nx_peer_change *changes,
			    const struct wg_key *keys, size_t count, const struct wg_set_sink *sink,
			    struct nx_error *error);

#endif
