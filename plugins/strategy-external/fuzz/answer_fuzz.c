/* SPDX-License-Identifier: Apache-2.0 */
/* What the service says: an address, or a message that may be shown, and nothing half. */
#include <stdlib.h>

#include "base/address.h"
#include "base/error.h"
#include "base/json.h"
#include "plugins/strategy-external/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void message_check(const struct nx_error *error)
{
	const unsigned char *at = (const unsigned char *)error->message;

	if (!*at)
		abort();
	for (; *at; at++) {
		if (*at < ' ' || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nx_services services = {
		.size = sizeof(services),
		.fail = nx_fail,
		.address = &nx_address_services,
		.json = &nx_json_services,
	};
	struct nx_address address = {.length = 77};
	struct nx_error error = {0};
	enum nx_status status = answer_read((const char *)data, size, &services, &address, &error);

	if (status == NX_OK && address.length != 4 && address.length != 16)
		abort();
	if (status != NX_OK && address.length != 77)
		abort();
	if (status != NX_OK)
		message_check(&error);
	return 0;
}
