/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curve25519 keys as WireGuard writes them: 32 bytes; base64 (RFC 4648 §4, 44
 * characters) for people, hex (64 characters) in the cross-platform protocol.
 *
 * Pure functions, any thread, outputs untouched on failure. Conversions take
 * the same time whatever the key, so private keys may pass through them.
 */
#ifndef NX_WIREGUARD_KEY_H
#define NX_WIREGUARD_KEY_H

#include <stdbool.h>
#include <stdint.h>

#define WG_KEY_BYTES 32
#define WG_KEY_TEXT 45 /* base64 and NUL */
#define WG_KEY_HEX 65  /* hex and NUL */

struct wg_key {
	uint8_t bytes[WG_KEY_BYTES];
};

/* Exactly 44 characters of canonical base64: nothing before, within or after them. */
bool wg_key_parse(const char *text, struct wg_key *out);
char *wg_key_format(const struct wg_key *key, char text[static WG_KEY_TEXT]);

/* Exactly 64 hexadecimal digits. */
bool wg_key_parse_hex(const char *text, struct wg_key *out);
char *wg_key_format_hex(const struct wg_key *key, char text[static WG_KEY_HEX]);

bool wg_key_equal(const struct wg_key *a, const struct wg_key *b);
bool wg_key_is_zero(const struct wg_key *key);

/*
 * Parse and judge a peer's public key. NULL: it is fit, and in `out`. Otherwise
 * a reason for a person ("is no …"). Refused besides what does not parse: the
 * coordinate of a low-order point (RFC 7748 §6.1: the shared secret would be
 * zero), and one that is not reduced modulo 2^255 - 19, since then one key would
 * have several texts.
 */
const char *wg_public_key_parse(const char *text, struct wg_key *out);

/* The public half, by X25519 with the base point. */
void wg_key_public(const struct wg_key *private_key, struct wg_key *out);

/* Overwrite a private key; as an attribute, when it goes out of scope. */
void wg_key_wipe(struct wg_key *key);
#define WG_AUTO_WIPE __attribute__((cleanup(wg_key_wipe)))

#endif
