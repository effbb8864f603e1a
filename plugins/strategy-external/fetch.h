/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the service over HTTP: attempts until one is answered, the time is up, or nobody
 * waits any more. Blocks. Any thread, several at a time.
 *
 * Redirects are not followed, proxies of the environment not used; an answer is read up to
 * ANSWER_LIMIT and until the time is up, however it trickles.
 */
#ifndef STRATEGY_EXTERNAL_FETCH_H
#define STRATEGY_EXTERNAL_FETCH_H

#include <nexodus/strategy.h>

#include "plugins/strategy-external/answer.h"
#include "plugins/strategy-external/settings.h"

struct fetch {
	const struct settings *settings;
	const struct nx_services *services;
	const char *question;
	const struct nx_strategy_request *request; /* how long, and whether anybody waits */
};

/*
 * The body of a 200, NUL-terminated. NX_UNAVAILABLE: the service is away, slow, in trouble, or refuses;
 * the message says which, and nothing of its address or of the token.
 */
enum nx_status fetch_answer(const struct fetch *fetch, char out[static ANSWER_LIMIT + 1], size_t *length,
			    struct nx_error *error);

#endif
