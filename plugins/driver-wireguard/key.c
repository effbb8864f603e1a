/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <stddef.h>
#include <string.h>

#include <sodium.h>

/* Little-endian, as on the wire: 2^255 - 19. */
static const struct wg_key field_prime = {{
	0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
}};

/* The reduced coordinates of all points whose order divides 8, but for 0 itself. */
static const struct wg_key low_order[] = {
	{{1}},
	{{
		0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
	}},
	{{
		0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
		0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
		0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
	}},
	{{
		0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	}},
};

bool wg_key_parse(const char *text, struct wg_key *out)
{
	struct wg_key key WG_AUTO_WIPE = {0};
	size_t length = 0;

	if (strnlen(text, WG_KEY_TEXT) != WG_KEY_TEXT - 1)
		return false;
	if (sodium_base642bin(key.bytes, sizeof(key.bytes), text, WG_KEY_TEXT - 1, NULL, &length, NULL,
			      sodium_base64_VARIANT_ORIGINAL))
		return false;
	if (length != sizeof(key.bytes))
		return false;
	*out = key;
	return true;
}

char *wg_key_format(const struct wg_key *key, char text[static WG_KEY_TEXT])
{
	return sodium_bin2base64(text, WG_KEY_TEXT, key->bytes, sizeof(key->bytes),
				 sodium_base64_VARIANT_ORIGINAL);
}

bool wg_key_parse_hex(const char *text, struct wg_key *out)
{
	struct wg_key key WG_AUTO_WIPE = {0};
	size_t length = 0;

	if (strnlen(text, WG_KEY_HEX) != WG_KEY_HEX - 1)
		return false;
	if (sodium_hex2bin(key.bytes, sizeof(key.bytes), text, WG_KEY_HEX - 1, NULL, &length, NULL))
		return false;
	if (length != sizeof(key.bytes))
		return false;
	*out = key;
	return true;
}

char *wg_key_format_hex(const struct wg_key *key, char text[static WG_KEY_HEX])
{
	return sodium_bin2hex(text, WG_KEY_HEX, key->bytes, sizeof(key->bytes));
}

bool wg_key_equal(const struct wg_key *a, const struct wg_key *b)
{
	return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool wg_key_is_zero(const struct wg_key *key)
{
	return sodium_is_zero(key->bytes, sizeof(key->bytes));
}

static bool low_order_point(const struct wg_key *key)
{
	for (size_t i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++) {
		if (wg_key_equal(key, &low_order[i]))
			return true;
	}
	return false;
}

const char *wg_public_key_parse(const char *text, struct wg_key *out)
{
	struct wg_key key;

	if (!wg_key_parse(text, &key))
		return "is no WireGuard public key: it must be 32 bytes in base64, 44 characters that end in "
		       "'='";
	if (wg_key_is_zero(&key))
		return "is the all-zero key, which belongs to nobody";
	if (sodium_compare(key.bytes, field_prime.bytes, sizeof(key.bytes)) >= 0)
		return "is no canonical Curve25519 public key";
	if (low_order_point(&key))
		return "is a low-order point of Curve25519, with which no secret can be shared";
	*out = key;
	return NULL;
}

void wg_key_public(const struct wg_key *private_key, struct wg_key *out)
{
	crypto_scalarmult_base(out->bytes, private_key->bytes);
}

void wg_key_wipe(struct wg_key *key)
{
	sodium_memzero(key, sizeof(*key));
}
