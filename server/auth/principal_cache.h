/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Principals by the hash of their token, for a few seconds. Any thread.
 *
 * A principal that is read from the store while it is being forgotten must not get
 * in afterwards: take the generation before reading and hand it over with what was
 * read; it is stored only when nothing was forgotten in between.
 */
#ifndef NX_SERVER_PRINCIPAL_CACHE_H
#define NX_SERVER_PRINCIPAL_CACHE_H

#include <stdint.h>

#include "server/auth/principal.h"

struct nx_principal_cache;

struct nx_principal_cache *nx_principal_cache_new(uint64_t lifetime_ms);
void nx_principal_cache_free(struct nx_principal_cache *cache); /* NULL is fine */

uint64_t nx_principal_cache_generation(struct nx_principal_cache *cache);
bool nx_principal_cache_find(struct nx_principal_cache *cache, const char *token_hash,
			     struct nx_principal *out);
/* `expires_at`: seconds since 1970 after which the token is void, 0: never. */
void nx_principal_cache_store(struct nx_principal_cache *cache, const struct nx_principal *principal,
			      int64_t expires_at, uint64_t generation);
void nx_principal_cache_forget(struct nx_principal_cache *cache, const char *token_hash);
/* Every principal whose id, user or organization this is. */
void nx_principal_cache_forget_id(struct nx_principal_cache *cache, const char *id);

#endif
