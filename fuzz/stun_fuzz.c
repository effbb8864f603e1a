/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever datagram is read as STUN has an answer that is read as the same transaction. */
#include <string.h>

#include "base/address.h"
#include "base/stun.h"
#include "fuzz/fuzz.h"

static void check_same_transaction(const struct nx_stun_message *a, const struct nx_stun_message *b)
{
	FUZZ_ASSERT(memcmp(&a->transaction, &b->transaction, sizeof(a->transaction)) == 0);
}

static void check_success(const struct nx_stun_message *message)
{
	uint8_t bytes[NX_STUN_MESSAGE_BYTES];
	struct nx_stun_message again;
	size_t length = nx_stun_write_success(&message->transaction, &message->mapped, bytes);

	FUZZ_ASSERT(length <= sizeof(bytes) && nx_stun_read(bytes, length, &again, NULL) == NX_OK);
	FUZZ_ASSERT(again.kind == NX_STUN_SUCCESS && again.unknown_count == 0);
	FUZZ_ASSERT(nx_endpoint_compare(&again.mapped, &message->mapped) == 0);
	check_same_transaction(&again, message);
}

static void check_unknown(const struct nx_stun_message *message)
{
	uint8_t bytes[NX_STUN_MESSAGE_BYTES];
	struct nx_stun_message again;
	size_t length = nx_stun_write_unknown(message, bytes);

	FUZZ_ASSERT(length <= sizeof(bytes) && nx_stun_read(bytes, length, &again, NULL) == NX_OK);
	FUZZ_ASSERT(again.kind == NX_STUN_ERROR && again.error_code == 420);
	check_same_transaction(&again, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct nx_stun_message message;

	if (nx_stun_read(data, length, &message, NULL))
		return 0;
	FUZZ_ASSERT(nx_stun_looks_like(data, length) && length <= NX_STUN_MESSAGE_BYTES);
	FUZZ_ASSERT(message.unknown_count <= NX_STUN_UNKNOWN_LIMIT);
	FUZZ_ASSERT(message.kind == NX_STUN_SUCCESS || message.mapped.port == 0);
	FUZZ_ASSERT(message.kind == NX_STUN_ERROR || message.error_code == 0);
	if (message.mapped.port)
		check_success(&message);
	check_unknown(&message);
	return 0;
}
