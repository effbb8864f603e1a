/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <stdio.h>
#include <string.h>

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

const char *vx_key_parse(const char *text, struct vx_key *out)
{
	struct vx_key key = {0};
	bool any = false;

	if (strlen(text) != VX_KEY_TEXT - 1)
		return "must be 32 hexadecimal digits";
	for (size_t i = 0; i < VX_KEY_BYTES; i++) {
		int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return "must be 32 hexadecimal digits";
		key.bytes[i] = (uint8_t)(high * 16 + low);
		any |= key.bytes[i] != 0;
	}
	if (!any)
		return "is all zeros, which nobody draws by chance";
	*out = key;
	return NULL;
}

void vx_key_format(const struct vx_key *key, char text[static VX_KEY_TEXT])
{
	for (size_t i = 0; i < VX_KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", key->bytes[i]);
}

struct vx_mac vx_key_mac(const struct vx_key *key)
{
	struct vx_mac mac;

	memcpy(mac.bytes, key->bytes, sizeof(mac.bytes));
	mac.bytes[0] = (uint8_t)((mac.bytes[0] & 0xfcu) | 0x02u);
	return mac;
}

bool vx_mac_same(const struct vx_mac *a, const struct vx_mac *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void vx_mac_format(const struct vx_mac *mac, char text[static VX_MAC_TEXT])
{
	for (size_t i = 0; i < VX_MAC_BYTES; i++)
		snprintf(text + 3 * i, VX_MAC_TEXT - 3 * i, i + 1 < VX_MAC_BYTES ? "%02x:" : "%02x",
			 mac->bytes[i]);
}
