/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdbool.h>

static bool is_continuation(char byte)
{
	return ((uint8_t)byte & 0xc0) == 0x80;
}

/* Length of the sequence that a first byte announces, 0 for none. */
static size_t announced_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	if (first >= 0xf0 && first < 0xf5)
		return 4;
	return 0;
}

size_t nx_utf8_decode(const char *text, size_t length, uint32_t *out)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	static const uint8_t first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t need = length ? announced_length((uint8_t)text[0]) : 0;
	uint32_t character;

	if (need == 0 || need > length)
		return 0;
	character = (uint8_t)text[0] & first_mask[need];
	for (size_t i = 1; i < need; i++) {
		if (!is_continuation(text[i]))
			return 0;
		character = character << 6 | ((uint8_t)text[i] & 0x3f);
	}
	if (character < smallest[need] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		return 0;
	*out = character;
	return need;
}

size_t nx_utf8_cut(const char *text, size_t length)
{
	size_t start = length;

	while (start > 0 && length - start < 3 && is_continuation(text[start - 1]))
		start--;
	if (start == 0)
		return length;
	start--;
	return announced_length((uint8_t)text[start]) > length - start ? start : length;
}
