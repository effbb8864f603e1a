/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

#define TOKEN_BYTES 32
#define TOKEN_CHARACTERS 43 /* of base64url without padding */
#define PREFIX_CHARACTERS 8
#define HASH_BYTES 32
#define UUID_BYTES 16

_Static_assert(NX_PASSWORD_HASH_TEXT == crypto_pwhash_STRBYTES, "libsodium's size of a password hash");
_Static_assert(PREFIX_CHARACTERS + TOKEN_CHARACTERS < NX_TOKEN_TEXT, "a token fits");

void nx_secret_setup(void)
{
	if (sodium_init() >= 0)
		return;
	fputs("libsodium cannot be used: the system has no source of random numbers\n", stderr);
	exit(EXIT_FAILURE);
}

void nx_random_bytes(void *out, size_t length)
{
	randombytes_buf(out, length);
}

void nx_wipe(void *memory, size_t length)
{
	sodium_memzero(memory, length);
}

/* --- tokens ------------------------------------------------------------------- */

void nx_token_make(const char *prefix, char text[static NX_TOKEN_TEXT])
{
	unsigned char random[TOKEN_BYTES];
	size_t used = (size_t)snprintf(text, NX_TOKEN_TEXT, "%.*s", PREFIX_CHARACTERS, prefix);

	randombytes_buf(random, sizeof(random));
	sodium_bin2base64(text + used, NX_TOKEN_TEXT - used, random, sizeof(random),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(random, sizeof(random));
}

/* Not by libsodium's decoder, which takes some bytes above 0x7f for digits. */
bool nx_token_check(const char *prefix, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	static const char last_digits[] = "AEIMQUYcgkosw048"; /* 43 digits are 258 bits: two are 0 */
	size_t prefix_length = strnlen(prefix, PREFIX_CHARACTERS);

	if (strncmp(text, prefix, prefix_length) != 0)
		return false;
	text += prefix_length;
	return strspn(text, digits) == TOKEN_CHARACTERS && text[TOKEN_CHARACTERS] == '\0' &&
	       strchr(last_digits, text[TOKEN_CHARACTERS - 1]);
}

void nx_checksum(const void *data, size_t length, char hash[static NX_HASH_TEXT])
{
	unsigned char bytes[HASH_BYTES];

	crypto_generichash(bytes, sizeof(bytes), data, length, NULL, 0);
	sodium_bin2hex(hash, NX_HASH_TEXT, bytes, sizeof(bytes));
}

void nx_token_hash(const char *text, char hash[static NX_HASH_TEXT])
{
	nx_checksum(text, strlen(text), hash);
}

/* --- passwords ------------------------------------------------------------------ */

enum nx_status nx_password_hash(const char *password, char hash[static NX_PASSWORD_HASH_TEXT],
				struct nx_error *error)
{
	char made[NX_PASSWORD_HASH_TEXT];

	if (crypto_pwhash_str_alg(made, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
				  crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "no memory to hash a password (%u MiB needed)",
			       crypto_pwhash_MEMLIMIT_INTERACTIVE >> 20);
	memcpy(hash, made, sizeof(made));
	return NX_OK;
}

bool nx_password_verify(const char *hash, const char *password)
{
	char padded[NX_PASSWORD_HASH_TEXT] = ""; /* libsodium may read all of it */
	size_t length = strnlen(hash, sizeof(padded));

	if (length >= sizeof(padded))
		return false;
	memcpy(padded, hash, length);
	return crypto_pwhash_str_verify(padded, password, strlen(password)) == 0;
}

bool nx_password_verify_nobody(const char *password)
{
	unsigned char salt[crypto_pwhash_SALTBYTES];
	unsigned char key[HASH_BYTES]; /* as long as the one in libsodium's string */

	randombytes_buf(salt, sizeof(salt));
	if (crypto_pwhash(key, sizeof(key), password, strlen(password), salt,
			  crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
			  crypto_pwhash_ALG_ARGON2ID13) == 0)
		sodium_memzero(key, sizeof(key));
	return false;
}

/* --- ids ------------------------------------------------------------------------- */

/*
 * RFC 9562 §6.2, method 3: milliseconds in the upper 48 bits, in the next 12 the fraction
 * of the millisecond. Never the same or an earlier one twice in a process, whatever the
 * clock does.
 */
static uint64_t uuid_time(void)
{
	static _Atomic uint64_t last;
	uint64_t before = atomic_load(&last);
	struct timespec now;
	uint64_t stamp;

	clock_gettime(CLOCK_REALTIME, &now);
	stamp = ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) << 12 |
		((uint64_t)now.tv_nsec % 1000000 << 12) / 1000000;
	do {
		if (stamp <= before)
			stamp = before + 1;
	} while (!atomic_compare_exchange_weak(&last, &before, stamp));
	return stamp;
}

void nx_uuid_make(char text[static NX_UUID_TEXT])
{
	uint8_t bytes[UUID_BYTES];
	uint64_t stamp = uuid_time();
	size_t used = 0;

	randombytes_buf(bytes + 8, 8);
	for (size_t i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(stamp >> (52 - 8 * i));
	bytes[6] = (uint8_t)(0x70 | (stamp >> 8 & 0x0f)); /* version 7 */
	bytes[7] = (uint8_t)stamp;
	bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f)); /* variant of RFC 9562 */
	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[used++] = '-';
		sodium_bin2hex(text + used, NX_UUID_TEXT - used, &bytes[i], 1);
		used += 2;
	}
}

bool nx_uuid_check(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		if (shape[i] == '-' ? text[i] != '-'
				    : text[i] == '\0' || !strchr("0123456789abcdefABCDEF", text[i]))
			return false;
	}
	return text[sizeof(shape) - 1] == '\0';
}
