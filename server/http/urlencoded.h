/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percent-encoding (RFC 3986 §2.1) and pairs of application/x-www-form-urlencoded
 * (WHATWG URL §5.1), as they stand in queries and in the one form the server takes.
 * Pure functions, any thread. What is decoded is UTF-8 without a NUL, or refused.
 */
#ifndef NX_SERVER_HTTP_URLENCODED_H
#define NX_SERVER_HTTP_URLENCODED_H

#include <stdbool.h>
#include <stddef.h>

#define NX_PAIR_LIMIT 32

struct nx_pair {
	const char *name;
	const char *value;
};

struct nx_pairs {
	struct nx_pair pair[NX_PAIR_LIMIT];
	size_t count;
};

/*
 * Decode `length` bytes in place and end them with a NUL (`text` has room for it).
 * `plus`: '+' is a space. False when an escape is broken or the result is no text.
 */
bool nx_percent_decode(char *text, size_t length, bool plus);

/* Take `text` apart, which is written to and must live as long as the pairs. False
 * when it is malformed or has more than NX_PAIR_LIMIT pairs. */
bool nx_pairs_parse(char *text, struct nx_pairs *out);
/* The last value of that name; NULL when there is none. */
const char *nx_pairs_find(const struct nx_pairs *pairs, const char *name);

#endif
