/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over what a netlink socket delivers: never beyond it, always forward. */
#include <string.h>

#include "agent/network/netlink.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	NX_AUTO_FREE char *aligned = nx_alloc(length ? length : 1);
	const struct nlmsghdr *message;
	size_t offset = 0, before = 0;
	unsigned sum = 0;
	bool damaged;

	if (length)
		memcpy(aligned, data, length);
	while ((message = nx_netlink_next(aligned, length, &offset, &damaged))) {
		FUZZ_ASSERT(offset > before && offset <= length);
		for (size_t i = 0; i < message->nlmsg_len; i++)
			sum += (unsigned char)((const char *)message)[i];
		before = offset;
	}
	FUZZ_ASSERT(damaged || offset == length);
	return (int)(sum & 0);
}
