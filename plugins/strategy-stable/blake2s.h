/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2s with 32 bytes of output and no key (RFC 7693). Pure functions over their own state: any thread.
 *
 *	struct blake2s hash;
 *	blake2s_begin(&hash);
 *	blake2s_add(&hash, data, length);
 *	blake2s_end(&hash, out);
 */
#ifndef STRATEGY_STABLE_BLAKE2S_H
#define STRATEGY_STABLE_BLAKE2S_H

#include <stddef.h>
#include <stdint.h>

#define BLAKE2S_BLOCK 64
#define BLAKE2S_BYTES 32

struct blake2s {
	uint32_t state[8];
	uint64_t counted; /* bytes that went into the state */
	uint8_t block[BLAKE2S_BLOCK];
	size_t held; /* bytes that wait in `block` */
};

void blake2s_begin(struct blake2s *hash);
void blake2s_add(struct blake2s *hash, const void *data, size_t length);
void blake2s_end(struct blake2s *hash, uint8_t out[static BLAKE2S_BYTES]);

#endif
