/* SPDX-License-Identifier: Apache-2.0 */
/* uthash with SipHash under a key of this process: a server that chooses its ids and keys with
 * care must not be able to turn our tables into lists. */
#ifndef NX_AGENT_HASH_H
#define NX_AGENT_HASH_H

#include <stddef.h>

unsigned nx_hash(const void *key, size_t length);

#define HASH_FUNCTION(key, length, out) ((out) = nx_hash((key), (length)))
#include <uthash.h>

#endif
