/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hash.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

unsigned nx_hash(const void *key, size_t length)
{
	static unsigned char secret[crypto_shorthash_KEYBYTES];
	static bool ready;
	unsigned char hash[crypto_shorthash_BYTES];
	unsigned result;

	if (!ready) {
		crypto_shorthash_keygen(secret);
		ready = true;
	}
	crypto_shorthash(hash, key, length, secret);
	memcpy(&result, hash, sizeof(result));
	return result;
}
