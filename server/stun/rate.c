/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stun/rate.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

#define SETS 2048
#define WAYS 8
#define REFILL (1000000 / NX_STUN_RATE_PER_SECOND) /* microseconds */
#define BURST ((uint64_t)REFILL * NX_STUN_RATE_BURST)

_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "a hash is one word");

/* Time is the measure: an answer moves `due` one refill ahead, and a bucket is empty when `due`
 * lies a burst ahead of now (the generic cell rate algorithm). */
struct bucket {
	uint64_t source; /* hash of the address or /64, so that nobody can aim at a set */
	uint64_t due;	 /* 0: never used */
};

struct nx_stun_rate {
	unsigned char secret[crypto_shorthash_KEYBYTES];
	struct bucket bucket[SETS][WAYS];
};

struct nx_stun_rate *nx_stun_rate_new(void)
{
	struct nx_stun_rate *rate = nx_alloc(sizeof(*rate));

	nx_random_bytes(rate->secret, sizeof(rate->secret));
	return rate;
}

void nx_stun_rate_free(struct nx_stun_rate *rate)
{
	free(rate);
}

static uint64_t hash_source(const struct nx_stun_rate *rate, const struct nx_address *source)
{
	size_t counted = source->length == 16 ? 8 : source->length;
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(out, source->bytes, counted, rate->secret);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

static struct bucket *bucket_find(struct nx_stun_rate *rate, const struct nx_address *source)
{
	uint64_t hash = hash_source(rate, source);
	struct bucket *set = rate->bucket[hash % SETS];
	struct bucket *least = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].source == hash)
			return &set[i];
		if (set[i].due < least->due)
			least = &set[i];
	}
	*least = (struct bucket){.source = hash};
	return least;
}

bool nx_stun_rate_take(struct nx_stun_rate *rate, const struct nx_address *source, uint64_t now)
{
	struct bucket *bucket = bucket_find(rate, source);

	if (bucket->due < now)
		bucket->due = now;
	if (bucket->due + REFILL - now > BURST)
		return false;
	bucket->due += REFILL;
	return true;
}
