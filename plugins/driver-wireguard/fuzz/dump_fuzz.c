/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's answer to WG_CMD_GET_DEVICE: the input is what follows the generic
 * netlink header. It is read twice, as a second message would be.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>

#include "../kernel_dump.h"
#include "fuzz.h"

#define HEAD (NLMSG_HDRLEN + GENL_HDRLEN)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	const struct genlmsghdr generic = {.cmd = WG_CMD_GET_DEVICE, .version = WG_GENL_VERSION};
	struct nlmsghdr *message = calloc(1, HEAD + size);

	if (!message)
		return 0;
	message->nlmsg_len = (uint32_t)(HEAD + size);
	memcpy((uint8_t *)message + NLMSG_HDRLEN, &generic, sizeof(generic));
	if (size)
		memcpy((uint8_t *)message + HEAD, data, size);
	if (wg_dump_read(&device, message, HEAD + size) && !wg_dump_read(&device, message, HEAD + size))
		abort();
	for (size_t i = 0; i < device.peer_count; i++) {
		for (size_t k = 0; k < device.peers[i].prefix_count; k++) {
			const struct nx_prefix *prefix = &device.peers[i].prefixes[k];

			if (prefix->bits > 8 * prefix->address.length)
				abort();
		}
	}
	free(message);
	return 0;
}
