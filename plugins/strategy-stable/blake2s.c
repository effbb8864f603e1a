/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategy-stable/blake2s.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define ROUNDS 10

/* RFC 7693 §2.6: the same as SHA-256's. */
static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* §2.7 */
static const uint8_t order[ROUNDS][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

/* §3.2: which words of the working vector are mixed: columns, then diagonals. */
static const uint8_t lanes[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14}, {3, 7, 11, 15},
				    {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13},  {3, 4, 9, 14}};

static uint32_t rotate(uint32_t word, unsigned by)
{
	return word >> by | word << (32 - by);
}

/* §3.1 */
static void mix(uint32_t v[static 16], const uint8_t at[static 4], uint32_t x, uint32_t y)
{
	uint32_t *a = &v[at[0]], *b = &v[at[1]], *c = &v[at[2]], *d = &v[at[3]];

	*a += *b + x;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b + y;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

/* §3.2: the block that is held goes into the state. */
static void compress(struct blake2s *hash, bool last)
{
	uint32_t v[16], word[16];

	memcpy(v, hash->state, sizeof(hash->state));
	memcpy(v + 8, initial, sizeof(initial));
	v[12] ^= (uint32_t)hash->counted;
	v[13] ^= (uint32_t)(hash->counted >> 32);
	if (last)
		v[14] = ~v[14];
	memcpy(word, hash->block, sizeof(word));
	for (unsigned i = 0; i < 16; i++)
		word[i] = le32toh(word[i]);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < 8; i++)
			mix(v, lanes[i], word[order[round][2 * i]], word[order[round][2 * i + 1]]);
	}
	for (unsigned i = 0; i < 8; i++)
		hash->state[i] ^= v[i] ^ v[i + 8];
}

void blake2s_begin(struct blake2s *hash)
{
	*hash = (struct blake2s){0};
	memcpy(hash->state, initial, sizeof(initial));
	hash->state[0] ^= 0x01010000 ^ BLAKE2S_BYTES; /* §2.5: no key, and how much comes out */
}

void blake2s_add(struct blake2s *hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	/* The last block is compressed by the end alone, even when it is full. */
	while (length) {
		size_t part = BLAKE2S_BLOCK - hash->held;

		if (!part) {
			hash->counted += BLAKE2S_BLOCK;
			compress(hash, false);
			hash->held = 0;
			continue;
		}
		part = length < part ? length : part;
		memcpy(hash->block + hash->held, bytes, part);
		hash->held += part;
		bytes += part;
		length -= part;
	}
}

void blake2s_end(struct blake2s *hash, uint8_t out[static BLAKE2S_BYTES])
{
	hash->counted += hash->held;
	memset(hash->block + hash->held, 0, BLAKE2S_BLOCK - hash->held);
	compress(hash, true);
	for (unsigned i = 0; i < 8; i++) {
		const uint32_t word = htole32(hash->state[i]);
		memcpy(out + 4 * (size_t)i, &word, sizeof(word));
	}
}
