/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stun/answer.h"

size_t nx_stun_answer(struct nx_stun_rate *rate, const struct nx_stun_asked *asked, uint8_t *out,
		      enum nx_stun_result *result)
{
	struct nx_stun_message request;

	*result = NX_STUN_IGNORED;
	if (asked->source.port == 0 || !nx_stun_looks_like(asked->data, asked->length) ||
	    nx_stun_read(asked->data, asked->length, &request, NULL) || request.kind != NX_STUN_REQUEST)
		return 0;
	*result = NX_STUN_LIMITED;
	if (!nx_stun_rate_take(rate, &asked->source.address, asked->now))
		return 0;
	if (request.unknown_count > 0) {
		*result = NX_STUN_REFUSED;
		return nx_stun_write_unknown(&request, out);
	}
	*result = NX_STUN_ANSWERED;
	return nx_stun_write_success(&request.transaction, &asked->source, out);
}
