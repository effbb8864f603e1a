/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/limiter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"

#define SETS 1024
#define WAYS 8

/* Time is the measure: a try moves `due` one refill ahead, and a bucket is empty when `due`
 * lies a burst ahead of now (the generic cell rate algorithm). */
struct bucket {
	char key[NX_HASH_TEXT]; /* of the key, so that its length does not matter; "": free */
	uint64_t due;		/* milliseconds of CLOCK_MONOTONIC */
};

struct nx_limiter {
	pthread_mutex_t lock;
	uint64_t refill;
	uint64_t burst; /* as time */
	struct bucket bucket[SETS][WAYS];
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct nx_limiter *nx_limiter_new(unsigned burst, uint64_t refill_ms)
{
	struct nx_limiter *limiter = nx_alloc(sizeof(*limiter));

	pthread_mutex_init(&limiter->lock, NULL);
	limiter->refill = refill_ms;
	limiter->burst = burst * refill_ms;
	return limiter;
}

void nx_limiter_free(struct nx_limiter *limiter)
{
	if (!limiter)
		return;
	pthread_mutex_destroy(&limiter->lock);
	free(limiter);
}

/* The key's bucket; with `make`, that of the least burdened key of its set when it has none. */
static struct bucket *bucket_find(struct nx_limiter *limiter, const char *key, bool make)
{
	char hash[NX_HASH_TEXT];
	char start[9] = "";

	nx_checksum(key, strlen(key), hash);
	memcpy(start, hash, 8);
	struct bucket *set = limiter->bucket[strtoul(start, NULL, 16) % SETS];
	struct bucket *least = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		if (strcmp(set[i].key, hash) == 0)
			return &set[i];
		if (set[i].due < least->due)
			least = &set[i];
	}
	if (!make)
		return NULL;
	memcpy(least->key, hash, sizeof(hash));
	least->due = 0;
	return least;
}

bool nx_limiter_take(struct nx_limiter *limiter, const char *key, unsigned *wait_seconds)
{
	uint64_t now = now_ms();

	pthread_mutex_lock(&limiter->lock);
	struct bucket *bucket = bucket_find(limiter, key, true);
	if (bucket->due < now)
		bucket->due = now;
	uint64_t ahead = bucket->due + limiter->refill - now;
	bool taken = ahead <= limiter->burst;
	if (taken)
		bucket->due += limiter->refill;
	else
		*wait_seconds = (unsigned)((ahead - limiter->burst + 999) / 1000);
	pthread_mutex_unlock(&limiter->lock);
	return taken;
}

void nx_limiter_give(struct nx_limiter *limiter, const char *key)
{
	pthread_mutex_lock(&limiter->lock);
	struct bucket *bucket = bucket_find(limiter, key, false);
	if (bucket && bucket->due > limiter->refill)
		bucket->due -= limiter->refill;
	pthread_mutex_unlock(&limiter->lock);
}
