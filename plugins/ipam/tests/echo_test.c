/* SPDX-License-Identifier: Apache-2.0 */
/* Replies to echo requests: whatever comes out of a raw socket, only what is one is taken for one. */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/agent.h"
#include "plugins/ipam/tests/suite.h"

static const struct ipam_echo_types v4 = {IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY, true};
static const struct ipam_echo_types v6 = {IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY, false};

enum { MESSAGE = 24, PACKET_LONGEST = 60 + MESSAGE };

/* A reply with identifier 0x0102 and sequence 0x0304 behind an IPv4 header of so many bytes (0: none). */
static size_t packet_make(uint8_t packet[static PACKET_LONGEST], size_t header, uint8_t type)
{
	memset(packet, 0, PACKET_LONGEST);
	if (header)
		packet[0] = (uint8_t)(0x40 | header / 4);
	packet[header] = type;
	for (uint8_t i = 1; i <= 4; i++)
		packet[header + 3 + i] = i;
	for (uint8_t i = 0; i < 16; i++)
		packet[header + 8 + i] = (uint8_t)(0xa0 + i);
	return header + MESSAGE;
}

/* From a block of exactly that size, so that a byte read too many is noticed. */
static bool read_exactly(const struct ipam_echo_types *types, const uint8_t *packet, size_t length,
			 struct nx_echo *out)
{
	uint8_t *copy = malloc(length ? length : 1);

	if (length)
		memcpy(copy, packet, length);
	bool found = ipam_echo_read(types, copy, length, out);
	free(copy);
	return found;
}

static void test_replies(void)
{
	uint8_t packet[PACKET_LONGEST];
	struct nx_echo echo;

	for (size_t header = 0; header <= 60; header += 4) {
		const struct ipam_echo_types *types = header ? &v4 : &v6;
		size_t length = packet_make(packet, header, types->reply);
		bool fits = header == 0 || header >= 20;

		echo = (struct nx_echo){0};
		CU_ASSERT_EQUAL(read_exactly(types, packet, length, &echo), fits);
		if (!fits)
			continue;
		CU_ASSERT_EQUAL(echo.identifier, 0x0102);
		CU_ASSERT_EQUAL(echo.sequence, 0x0304);
		CU_ASSERT_EQUAL(echo.token[0], 0xa0);
		CU_ASSERT_EQUAL(echo.token[15], 0xaf);
	}
}

static void test_others(void)
{
	uint8_t packet[PACKET_LONGEST];
	struct nx_echo echo;

	CU_ASSERT(!read_exactly(&v4, packet, packet_make(packet, 20, ICMP_ECHO), &echo));
	CU_ASSERT(!read_exactly(&v6, packet, packet_make(packet, 0, ICMP6_ECHO_REQUEST), &echo));
	CU_ASSERT(!read_exactly(&v6, packet, packet_make(packet, 0, ICMP6_DST_UNREACH), &echo));
	size_t length = packet_make(packet, 20, ICMP_ECHOREPLY);
	packet[21] = 1; /* no code but 0 */
	CU_ASSERT(!read_exactly(&v4, packet, length, &echo));
}

static void test_cut(void)
{
	uint8_t packet[PACKET_LONGEST];
	struct nx_echo echo;
	size_t length = packet_make(packet, 20, ICMP_ECHOREPLY);

	for (size_t i = 0; i < length; i++)
		CU_ASSERT(!read_exactly(&v4, packet, i, &echo));
	CU_ASSERT(!read_exactly(&v4, packet, length + 1, &echo));
	for (unsigned first = 0; first < 256; first++) {
		packet[0] = (uint8_t)first;
		CU_ASSERT_EQUAL(read_exactly(&v4, packet, length, &echo), (first & 0x0f) == 5);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"replies, behind headers of every length", test_replies},
		{"what is no reply", test_others},
		{"cut at every byte, headers of any claimed length", test_cut},
		CU_TEST_INFO_NULL,
	};

	return suite_run("echo replies", tests);
}
