/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a host is: 128 random bits, in text 32 hexadecimal digits, and the Ethernet address that its
 * tunnel has, which is made of them. The two halves of the driver have this in common.
 */
#ifndef VX_KEY_H
#define VX_KEY_H

#include <stdbool.h>
#include <stdint.h>

enum {
	VX_KEY_BYTES = 16,
	VX_KEY_TEXT = 2 * VX_KEY_BYTES + 1, /* final NUL included */
	VX_MAC_BYTES = 6,
	VX_MAC_TEXT = 3 * VX_MAC_BYTES,
};

struct vx_key {
	uint8_t bytes[VX_KEY_BYTES];
};

struct vx_mac {
	uint8_t bytes[VX_MAC_BYTES];
};

/* NULL, or what is wrong with the text, to stand behind the name of what it is. */
const char *vx_key_parse(const char *text, struct vx_key *out);
void vx_key_format(const struct vx_key *key, char text[static VX_KEY_TEXT]);

/* Locally administered, unicast (IEEE 802, clause 8.4), and the key's first 46 bits. */
struct vx_mac vx_key_mac(const struct vx_key *key);
bool vx_mac_same(const struct vx_mac *a, const struct vx_mac *b);
void vx_mac_format(const struct vx_mac *mac, char text[static VX_MAC_TEXT]);

#endif
