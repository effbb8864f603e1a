/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets, over libsodium: opaque tokens, their hashes, passwords, ids, and
 * files that only their owner reads. Call nx_secret_setup() once first.
 */
#ifndef NX_BASE_SECRET_H
#define NX_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define NX_TOKEN_TEXT 64 /* prefix of up to 8 characters, 43 of base64url, NUL */
#define NX_HASH_TEXT 65	 /* BLAKE2b-256 as lower-case hex, NUL */
#define NX_UUID_TEXT 37
#define NX_PASSWORD_HASH_TEXT 128 /* crypto_pwhash_STRBYTES */

void nx_secret_setup(void);
void nx_random_bytes(void *out, size_t length);

/* A token of 256 random bits: "<prefix>" + base64url. */
void nx_token_make(const char *prefix, char text[static NX_TOKEN_TEXT]);
/* Has `text` exactly the shape of such a token? */
bool nx_token_check(const char *prefix, const char *text);
/* What is stored in place of a token. Tokens have full entropy: no salt, no stretching. */
void nx_token_hash(const char *text, char hash[static NX_HASH_TEXT]);

/* argon2id, as libsodium's string. Slow (tens of ms) and hungry (tens of MB) on purpose. */
enum nx_status nx_password_hash(const char *password, char hash[static NX_PASSWORD_HASH_TEXT],
				struct nx_error *error);
bool nx_password_verify(const char *hash, const char *password);
/* As slow as a verification, always false: so that unknown users take as long as known ones. */
bool nx_password_verify_nobody(const char *password);

void nx_uuid_make(char text[static NX_UUID_TEXT]); /* version 7, RFC 9562: ordered by time */
bool nx_uuid_check(const char *text);		   /* any version, lower- or upper-case hex */

/* BLAKE2b-256 in hex of any text: migrations' checksums. */
void nx_checksum(const void *data, size_t length, char hash[static NX_HASH_TEXT]);

void nx_wipe(void *memory, size_t length);

/* Write a file atomically (temporary beside it, fsync, rename, fsync of the directory), with
 * exactly `mode` whatever the umask. */
enum nx_status nx_file_write(const char *path, const void *data, size_t length, unsigned mode,
			     struct nx_error *error);
/* Read a whole file of at most `limit` bytes, NUL-terminated, the caller's to free().
 * NX_NOT_FOUND when there is none. */
enum nx_status nx_file_read(const char *path, size_t limit, char **out, size_t *length,
			    struct nx_error *error);

#endif
