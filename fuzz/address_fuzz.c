/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever text is an address, a prefix or an endpoint has a canonical text that is the same one. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"

static void check_address(const char *text)
{
	char canonical[NX_ADDRESS_TEXT];
	struct nx_address address;
	struct nx_address again;

	if (!nx_address_parse(text, &address))
		return;
	FUZZ_ASSERT(address.length == 4 || address.length == 16);
	FUZZ_ASSERT(nx_address_parse(nx_address_format(&address, canonical), &again));
	FUZZ_ASSERT(nx_address_compare(&address, &again) == 0);
}

static void check_prefix(const char *text)
{
	char canonical[NX_ADDRESS_TEXT];
	struct nx_prefix prefix;
	struct nx_prefix masked;
	struct nx_prefix again;

	if (!nx_prefix_parse(text, &prefix))
		return;
	FUZZ_ASSERT(nx_prefix_parse(nx_prefix_format(&prefix, canonical), &again));
	FUZZ_ASSERT(nx_prefix_compare(&prefix, &again) == 0);
	masked = nx_prefix_mask(&prefix);
	again = nx_prefix_mask(&masked);
	FUZZ_ASSERT(nx_prefix_compare(&masked, &again) == 0);
	FUZZ_ASSERT(nx_prefix_contains(&masked, &prefix.address));
	FUZZ_ASSERT(nx_prefix_overlaps(&masked, &prefix));
}

static void check_endpoint(const char *text)
{
	char canonical[NX_ADDRESS_TEXT];
	struct sockaddr_storage storage;
	struct nx_endpoint endpoint;
	struct nx_endpoint again;

	if (!nx_endpoint_parse(text, &endpoint))
		return;
	FUZZ_ASSERT(endpoint.port != 0);
	FUZZ_ASSERT(nx_endpoint_parse(nx_endpoint_format(&endpoint, canonical), &again));
	FUZZ_ASSERT(nx_endpoint_compare(&endpoint, &again) == 0);
	FUZZ_ASSERT(nx_endpoint_to_sockaddr(&endpoint, &storage) > 0);
	FUZZ_ASSERT(nx_endpoint_from_sockaddr((const struct sockaddr *)&storage, &again));
	FUZZ_ASSERT(nx_endpoint_compare(&endpoint, &again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	NX_AUTO_FREE char *text = nx_printf("%.*s", (int)length, length ? (const char *)data : "");

	check_address(text);
	check_prefix(text);
	check_endpoint(text);
	return 0;
}
