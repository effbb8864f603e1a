/* SPDX-License-Identifier: Apache-2.0 */
#include "../kernel_set.h"

#include <string.h>

#include <CUnit/Basic.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>

#include "../attribute.h"
#include "../kernel_dump.h"
#include "suites.h"

/* What the kernel would understand: the messages, read back with the dump's parser. */
struct kernel {
	struct wg_device device;
	size_t messages;
	size_t fragments; /* of peers */
	size_t replaced;  /* fragments with WGPEER_F_REPLACE_ALLOWEDIPS */
	size_t removed;
	size_t endpoints;
	enum nx_status status; /* to answer */
};

static void fragment_count(struct kernel *kernel, struct wg_span span)
{
	struct wg_attribute attribute;
	uint32_t flags = 0;

	kernel->fragments++;
	while (wg_attribute_next(&span, &attribute)) {
		if (attribute.type == WGPEER_A_FLAGS)
			CU_ASSERT_TRUE(wg_attribute_copy(&attribute, &flags, sizeof(flags)));
		if (attribute.type == WGPEER_A_ENDPOINT)
			kernel->endpoints++;
	}
	kernel->replaced += (flags & WGPEER_F_REPLACE_ALLOWEDIPS) != 0;
	kernel->removed += (flags & WGPEER_F_REMOVE_ME) != 0;
}

static void message_count(struct kernel *kernel, const struct nlmsghdr *message)
{
	struct wg_span rest = {(const uint8_t *)message + NLMSG_HDRLEN + GENL_HDRLEN,
			       message->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN};
	struct wg_attribute attribute;
	struct wg_attribute peer;

	kernel->messages++;
	while (wg_attribute_next(&rest, &attribute)) {
		CU_ASSERT_NOT_EQUAL(attribute.type, WGDEVICE_A_FLAGS); /* never WGDEVICE_F_REPLACE_PEERS */
		while (attribute.type == WGDEVICE_A_PEERS && wg_attribute_next(&attribute.value, &peer))
			fragment_count(kernel, peer.value);
	}
	CU_ASSERT_EQUAL(rest.length, 0);
}

static enum nx_status kernel_take(void *context, struct nlmsghdr *message, struct nx_error *error)
{
	struct kernel *kernel = context;
	struct genlmsghdr *generic = (void *)((char *)message + NLMSG_HDRLEN);

	(void)error;
	CU_ASSERT_EQUAL(message->nlmsg_type, 33);
	CU_ASSERT_TRUE(message->nlmsg_len <= WG_MESSAGE_BYTES);
	CU_ASSERT_EQUAL(generic->cmd, WG_CMD_SET_DEVICE);
	message_count(kernel, message);
	generic->cmd = WG_CMD_GET_DEVICE;
	CU_ASSERT_TRUE(wg_dump_read(&kernel->device, message, message->nlmsg_len));
	return kernel->status;
}

static const struct wg_set_target target = {.family = 33, .index = 7};

static void test_device(void)
{
	struct kernel kernel = {.status = NX_CONFLICT};
	const struct wg_set_sink sink = {kernel_take, &kernel};
	const struct wg_key key = {{9}};

	CU_ASSERT_EQUAL(wg_set_device(&target, &(struct wg_settings){&key, 51820}, &sink, NULL), NX_CONFLICT);
	CU_ASSERT_EQUAL(kernel.messages, 1);
	CU_ASSERT_EQUAL(kernel.device.listen_port, 51820);
	CU_ASSERT_EQUAL(kernel.fragments, 0);
}

static void test_peers(void)
{
	const struct nx_prefix prefixes[] = {{{4, {100, 100, 0, 2}}, 32}, {{16, {2, 0, [15] = 2}}, 128}};
	const struct nx_endpoint endpoint = {{16, {0xfe, 0x80, [15] = 1}}, 9};
	const struct nx_peer_change changes[] = {
		{NX_PEER_SET,
		 true,
		 {.endpoint = endpoint, .keepalive_seconds = 25, .prefixes = prefixes, .prefix_count = 2}},
		{NX_PEER_SET, false, {.endpoint = endpoint}},
		{NX_PEER_SET, true, {.keepalive_seconds = 0}},
		{NX_PEER_REMOVE, true, {.endpoint = endpoint, .prefixes = prefixes, .prefix_count = 2}},
		{NX_PEER_EXTEND, false, {.prefixes = prefixes, .prefix_count = 2}},
	};
	const struct wg_key keys[] = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}};
	struct kernel kernel = {0};
	const struct wg_set_sink sink = {kernel_take, &kernel};
	const struct wg_peer *first;

	CU_ASSERT_EQUAL(wg_set_peers(&target, changes, keys, 5, &sink, NULL), NX_OK);
	CU_ASSERT_EQUAL(kernel.messages, 1);
	CU_ASSERT_EQUAL(kernel.replaced, 3);
	CU_ASSERT_EQUAL(kernel.removed, 1);
	CU_ASSERT_EQUAL(kernel.endpoints, 1);
	CU_ASSERT_EQUAL_FATAL(kernel.device.peer_count, 5);
	first = &kernel.device.peers[0];
	CU_ASSERT_EQUAL(first->keepalive_seconds, 25);
	CU_ASSERT_EQUAL(first->endpoint.port, 9);
	CU_ASSERT_EQUAL_FATAL(first->prefix_count, 2);
	CU_ASSERT_EQUAL(memcmp(first->prefixes, prefixes, sizeof(prefixes)), 0);
	CU_ASSERT_EQUAL(kernel.device.peers[3].prefix_count, 0);
	CU_ASSERT_EQUAL(kernel.device.peers[4].prefix_count, 2);
	wg_device_clear(&kernel.device);
}

static void test_none(void)
{
	struct kernel kernel = {0};
	const struct wg_set_sink sink = {kernel_take, &kernel};

	CU_ASSERT_EQUAL(wg_set_peers(&target, NULL, NULL, 0, &sink, NULL), NX_OK);
	CU_ASSERT_EQUAL(kernel.messages, 0);
}

/* Peers of many sizes, so that messages end at every kind of place. */
static void test_split(void)
{
	enum { PEERS = 64, EACH = 900 };
	static struct nx_prefix prefixes[EACH];
	static struct nx_peer_change changes[PEERS];
	static struct wg_key keys[PEERS];
	struct kernel kernel = {0};
	const struct wg_set_sink sink = {kernel_take, &kernel};

	for (size_t i = 0; i < EACH; i++)
		prefixes[i] = (struct nx_prefix){{16, {0xfd, (uint8_t)(i >> 8), (uint8_t)i}}, 128};
	for (size_t i = 0; i < PEERS; i++) {
		keys[i].bytes[0] = (uint8_t)(i + 1);
		changes[i] = (struct nx_peer_change){NX_PEER_SET, true, {.prefixes = prefixes}};
		changes[i].peer.prefix_count = EACH - i * 14;
		changes[i].peer.endpoint = (struct nx_endpoint){prefixes[0].address, 65535};
	}
	CU_ASSERT_EQUAL(wg_set_peers(&target, changes, keys, PEERS, &sink, NULL), NX_OK);
	CU_ASSERT_TRUE(kernel.messages > 60);
	CU_ASSERT_TRUE(kernel.fragments > PEERS);
	CU_ASSERT_EQUAL(kernel.replaced, PEERS);
	CU_ASSERT_EQUAL(kernel.endpoints, PEERS);
	CU_ASSERT_EQUAL_FATAL(kernel.device.peer_count, PEERS);
	for (size_t i = 0; i < PEERS; i++) {
		const struct wg_peer *peer = &kernel.device.peers[i];

		CU_ASSERT_EQUAL_FATAL(peer->prefix_count, changes[i].peer.prefix_count);
		CU_ASSERT_EQUAL(memcmp(peer->prefixes, prefixes, peer->prefix_count * sizeof(*prefixes)), 0);
	}
	wg_device_clear(&kernel.device);
	kernel = (struct kernel){.status = NX_UNAVAILABLE};
	CU_ASSERT_EQUAL(wg_set_peers(&target, changes, keys, PEERS, &sink, NULL), NX_UNAVAILABLE);
	CU_ASSERT_EQUAL(kernel.messages, 1);
	wg_device_clear(&kernel.device);
}

void kernel_set_suite(void)
{
	CU_pSuite suite = CU_add_suite("kernel, setting", NULL, NULL);

	CU_add_test(suite, "device", test_device);
	CU_add_test(suite, "peers", test_peers);
	CU_add_test(suite, "nothing to change", test_none);
	CU_add_test(suite, "split over messages", test_split);
}
