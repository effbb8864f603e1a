/* SPDX-License-Identifier: Apache-2.0 */
#include "../kernel_dump.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>

#include "suites.h"

static const struct wg_key own_key = {{1}};
static const struct wg_key peer_key = {{2}};

/* A message as the kernel sends it. */
struct dump {
	union {
		struct nlmsghdr header;
		uint8_t bytes[2048];
	};
};

static void dump_begin(struct dump *dump)
{
	struct genlmsghdr *generic;

	memset(dump, 0, sizeof(*dump));
	mnl_nlmsg_put_header(dump->bytes);
	generic = mnl_nlmsg_put_extra_header(&dump->header, sizeof(*generic));
	generic->cmd = WG_CMD_GET_DEVICE;
	generic->version = WG_GENL_VERSION;
}

static void put_allowed_ip(struct dump *dump, uint16_t family, const void *address, size_t length,
			   uint8_t bits)
{
	struct nlattr *nest = mnl_attr_nest_start(&dump->header, 0);

	mnl_attr_put_u16(&dump->header, WGALLOWEDIP_A_FAMILY, family);
	mnl_attr_put(&dump->header, WGALLOWEDIP_A_IPADDR, length, address);
	mnl_attr_put_u8(&dump->header, WGALLOWEDIP_A_CIDR_MASK, bits);
	mnl_attr_nest_end(&dump->header, nest);
}

static void put_peer(struct dump *dump, bool first, uint8_t number)
{
	const struct sockaddr_in endpoint = {AF_INET, htons(4711), {htonl(0xc0000201)}, {0}};
	const struct __kernel_timespec handshake = {1700000000, 5};
	const uint8_t v4[4] = {10, 0, 0, number};
	const uint8_t v6[16] = {0xfd, [15] = number};
	struct nlattr *peer = mnl_attr_nest_start(&dump->header, 0);
	struct nlattr *nest;

	mnl_attr_put(&dump->header, WGPEER_A_PUBLIC_KEY, WG_KEY_BYTES, peer_key.bytes);
	if (first) {
		mnl_attr_put(&dump->header, WGPEER_A_ENDPOINT, sizeof(endpoint), &endpoint);
		mnl_attr_put(&dump->header, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(handshake), &handshake);
		mnl_attr_put_u16(&dump->header, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
		mnl_attr_put_u64(&dump->header, WGPEER_A_RX_BYTES, UINT64_MAX);
		mnl_attr_put_u64(&dump->header, WGPEER_A_TX_BYTES, 3);
		mnl_attr_put_u32(&dump->header, WGPEER_A_PROTOCOL_VERSION, 1);
	}
	nest = mnl_attr_nest_start(&dump->header, WGPEER_A_ALLOWEDIPS);
	put_allowed_ip(dump, AF_INET, v4, sizeof(v4), 32);
	put_allowed_ip(dump, AF_INET6, v6, sizeof(v6), 128);
	mnl_attr_nest_end(&dump->header, nest);
	mnl_attr_nest_end(&dump->header, peer);
}

static void dump_first(struct dump *dump)
{
	struct nlattr *peers;

	dump_begin(dump);
	mnl_attr_put_u32(&dump->header, WGDEVICE_A_IFINDEX, 7);
	mnl_attr_put(&dump->header, WGDEVICE_A_PUBLIC_KEY, WG_KEY_BYTES, own_key.bytes);
	mnl_attr_put_u16(&dump->header, WGDEVICE_A_LISTEN_PORT, 51820);
	peers = mnl_attr_nest_start(&dump->header, WGDEVICE_A_PEERS);
	put_peer(dump, true, 1);
	mnl_attr_nest_end(&dump->header, peers);
}

static void dump_second(struct dump *dump)
{
	struct nlattr *peers;

	dump_begin(dump);
	peers = mnl_attr_nest_start(&dump->header, WGDEVICE_A_PEERS);
	put_peer(dump, false, 2);
	mnl_attr_nest_end(&dump->header, peers);
}

static void test_split_peer(void)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	const struct wg_peer *peer;
	struct dump dump;

	dump_first(&dump);
	CU_ASSERT_TRUE(wg_dump_read(&device, &dump.header, dump.header.nlmsg_len));
	dump_second(&dump);
	CU_ASSERT_TRUE(wg_dump_read(&device, &dump.header, dump.header.nlmsg_len));
	CU_ASSERT_TRUE(device.has_key);
	CU_ASSERT_TRUE(wg_key_equal(&device.public_key, &own_key));
	CU_ASSERT_EQUAL(device.listen_port, 51820);
	CU_ASSERT_EQUAL_FATAL(device.peer_count, 1);
	peer = &device.peers[0];
	CU_ASSERT_EQUAL(peer->endpoint.port, 4711);
	CU_ASSERT_EQUAL(peer->endpoint.address.bytes[3], 1);
	CU_ASSERT_EQUAL(peer->last_handshake, 1700000000);
	CU_ASSERT_EQUAL(peer->keepalive_seconds, 25);
	CU_ASSERT_EQUAL(peer->received_bytes, UINT64_MAX);
	CU_ASSERT_EQUAL(peer->sent_bytes, 3);
	CU_ASSERT_EQUAL_FATAL(peer->prefix_count, 4);
	CU_ASSERT_EQUAL(peer->prefixes[2].address.bytes[3], 2);
	CU_ASSERT_EQUAL(peer->prefixes[3].bits, 128);
}

/* A message of `length` bytes in memory of exactly as many, so that a step too far is seen. */
static bool read_exactly(const struct dump *dump, size_t length, uint32_t claimed)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	struct nlmsghdr *copy = malloc(length ? length : 1);
	bool sound;

	if (!copy)
		abort();
	memcpy(copy, dump->bytes, length);
	if (length >= sizeof(copy->nlmsg_len))
		memcpy(copy, &claimed, sizeof(claimed));
	sound = wg_dump_read(&device, copy, length);
	free(copy);
	return sound;
}

static void test_truncated(void)
{
	struct dump dump;
	size_t whole;
	size_t sound = 0;

	dump_first(&dump);
	whole = dump.header.nlmsg_len;
	for (size_t length = 0; length < whole; length++) {
		CU_ASSERT_FALSE(read_exactly(&dump, length, (uint32_t)whole));
		/* The header shortened too: sound at the ends of the device's attributes only. */
		sound += read_exactly(&dump, length, (uint32_t)length);
	}
	CU_ASSERT_EQUAL(sound, 4 + 2); /* nothing, three attributes; 2 bytes of padding that may lack */
}

static void test_lengths(void)
{
	static const uint32_t claims[] = {0,	      1,	  15,	      19,	 0x7fffffff,
					  0x80000000, 0x80000014, 0xfffffff0, 0xffffffff};
	struct dump dump;

	dump_first(&dump);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		CU_ASSERT_FALSE(read_exactly(&dump, dump.header.nlmsg_len, claims[i]));
}

/* Every length field of every attribute, made too small and too large. */
static void test_attribute_lengths(void)
{
	static const uint16_t lengths[] = {0, 1, 3, 5, 0x7fff, 0x8000, 0xffff};
	struct dump dump;

	dump_first(&dump);
	for (size_t at = NLMSG_HDRLEN + GENL_HDRLEN; at < dump.header.nlmsg_len; at += 4) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			struct dump copy = dump;

			memcpy(copy.bytes + at, &lengths[i], sizeof(lengths[i]));
			read_exactly(&copy, dump.header.nlmsg_len, dump.header.nlmsg_len);
		}
	}
	CU_PASS("nothing read beyond the message");
}

static bool read_one(const struct dump *dump)
{
	return read_exactly(dump, dump->header.nlmsg_len, dump->header.nlmsg_len);
}

/* One peer, whose only contents is this attribute besides its key. */
static bool read_peer_with(uint16_t type, size_t length)
{
	static const uint8_t zeros[64];
	struct nlattr *peers;
	struct nlattr *peer;
	struct dump dump;

	dump_begin(&dump);
	peers = mnl_attr_nest_start(&dump.header, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(&dump.header, 0);
	mnl_attr_put(&dump.header, WGPEER_A_PUBLIC_KEY, WG_KEY_BYTES, peer_key.bytes);
	mnl_attr_put(&dump.header, type, length, zeros);
	mnl_attr_nest_end(&dump.header, peer);
	mnl_attr_nest_end(&dump.header, peers);
	return read_one(&dump);
}

static void test_sizes(void)
{
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_ENDPOINT, 15));
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_ENDPOINT, 16)); /* of no family */
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_ENDPOINT, 28));
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_RX_BYTES, 4));
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_TX_BYTES, 9));
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 4));
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_LAST_HANDSHAKE_TIME, 8));
	CU_ASSERT_FALSE(read_peer_with(WGPEER_A_ALLOWEDIPS, 2));
	CU_ASSERT_TRUE(read_peer_with(WGPEER_A_PROTOCOL_VERSION, 1));
	CU_ASSERT_TRUE(read_peer_with(4711, 60));
}

static bool read_allowed_ip(uint16_t family, size_t length, uint8_t bits)
{
	static const uint8_t zeros[32];
	struct nlattr *peers;
	struct nlattr *peer;
	struct nlattr *nest;
	struct dump dump;

	dump_begin(&dump);
	peers = mnl_attr_nest_start(&dump.header, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(&dump.header, 0);
	mnl_attr_put(&dump.header, WGPEER_A_PUBLIC_KEY, WG_KEY_BYTES, peer_key.bytes);
	nest = mnl_attr_nest_start(&dump.header, WGPEER_A_ALLOWEDIPS);
	put_allowed_ip(&dump, family, zeros, length, bits);
	mnl_attr_nest_end(&dump.header, nest);
	mnl_attr_nest_end(&dump.header, peer);
	mnl_attr_nest_end(&dump.header, peers);
	return read_one(&dump);
}

static void test_allowed_ips(void)
{
	CU_ASSERT_TRUE(read_allowed_ip(AF_INET, 4, 0));
	CU_ASSERT_TRUE(read_allowed_ip(AF_INET, 4, 32));
	CU_ASSERT_FALSE(read_allowed_ip(AF_INET, 4, 33));
	CU_ASSERT_FALSE(read_allowed_ip(AF_INET, 16, 32));
	CU_ASSERT_TRUE(read_allowed_ip(AF_INET6, 16, 128));
	CU_ASSERT_FALSE(read_allowed_ip(AF_INET6, 16, 129));
	CU_ASSERT_FALSE(read_allowed_ip(AF_INET6, 4, 32));
	CU_ASSERT_FALSE(read_allowed_ip(AF_UNIX, 4, 32));
	CU_ASSERT_FALSE(read_allowed_ip(0, 0, 0));
}

static void test_other_command(void)
{
	struct dump dump;

	dump_first(&dump);
	((struct genlmsghdr *)mnl_nlmsg_get_payload(&dump.header))->cmd = WG_CMD_SET_DEVICE;
	CU_ASSERT_FALSE(read_one(&dump));
}

static void test_peer_without_key(void)
{
	struct nlattr *peers;
	struct nlattr *peer;
	struct dump dump;

	dump_begin(&dump);
	peers = mnl_attr_nest_start(&dump.header, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(&dump.header, 0);
	mnl_attr_put_u16(&dump.header, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	mnl_attr_nest_end(&dump.header, peer);
	mnl_attr_nest_end(&dump.header, peers);
	CU_ASSERT_FALSE(read_one(&dump));
}

void kernel_dump_suite(void)
{
	CU_pSuite suite = CU_add_suite("kernel, dump", NULL, NULL);

	CU_add_test(suite, "a peer in two messages", test_split_peer);
	CU_add_test(suite, "truncated at every byte", test_truncated);
	CU_add_test(suite, "message lengths that lie", test_lengths);
	CU_add_test(suite, "attribute lengths that lie", test_attribute_lengths);
	CU_add_test(suite, "attributes of a wrong size", test_sizes);
	CU_add_test(suite, "allowed IPs", test_allowed_ips);
	CU_add_test(suite, "another command", test_other_command);
	CU_add_test(suite, "a peer without a key", test_peer_without_key);
}
