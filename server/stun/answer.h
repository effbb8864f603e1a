/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a datagram is answered. Binding requests alone are: an answer to a response or an
 * indication could be bounced between two servers for ever.
 */
#ifndef NX_SERVER_STUN_ANSWER_H
#define NX_SERVER_STUN_ANSWER_H

#include "base/stun.h"
#include "server/stun/rate.h"
#include "server/stun/stun.h"

struct nx_stun_asked {
	const void *data;
	size_t length;
	struct nx_endpoint source;
	uint64_t now; /* as for nx_stun_rate_take() */
};

/* Answers the length of what it wrote to `out` (room for NX_STUN_MESSAGE_BYTES), 0 for silence. */
size_t nx_stun_answer(struct nx_stun_rate *rate, const struct nx_stun_asked *asked, uint8_t *out,
		      enum nx_stun_result *result);

#endif
