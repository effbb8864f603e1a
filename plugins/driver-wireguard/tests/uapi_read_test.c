/* SPDX-License-Identifier: Apache-2.0 */
#include "../uapi_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "suites.h"

#define KEY_A "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define KEY_B "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define PRIVATE_KEY "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb" /* of B */

/* As wireguard-go answers, and what newer ones may add. */
static const char answer[] =
	"private_key=" PRIVATE_KEY "\n"
	"listen_port=51820\n"
	"fwmark=7\n"
	"public_key=" KEY_A "\n"
	"preshared_key=0000000000000000000000000000000000000000000000000000000000000000\n"
	"protocol_version=1\n"
	"endpoint=192.0.2.1:4711\n"
	"last_handshake_time_sec=1700000000\n"
	"last_handshake_time_nsec=5\n"
	"tx_bytes=18446744073709551615\n"
	"rx_bytes=2\n"
	"persistent_keepalive_interval=25\n"
	"allowed_ip=100.100.0.2/32\n"
	"allowed_ip=200::2/128\n"
	"public_key=" KEY_B "\n"
	"endpoint=[fe80::1%eth0]:9\n"
	"some_novelty=1\n"
	"allowed_ip=0.0.0.0/0\n"
	"errno=0\n\n";

static void answer_check(const struct wg_device *device)
{
	const struct wg_peer *a = &device->peers[0];
	const struct wg_peer *b = &device->peers[1];
	char text[WG_KEY_HEX];

	CU_ASSERT_TRUE(device->has_key);
	CU_ASSERT_STRING_EQUAL(wg_key_format_hex(&device->public_key, text), KEY_B);
	CU_ASSERT_EQUAL(device->listen_port, 51820);
	CU_ASSERT_EQUAL_FATAL(device->peer_count, 2);
	CU_ASSERT_STRING_EQUAL(wg_key_format_hex(&a->public_key, text), KEY_A);
	CU_ASSERT_EQUAL(a->endpoint.port, 4711);
	CU_ASSERT_EQUAL(a->endpoint.address.length, 4);
	CU_ASSERT_EQUAL(a->endpoint.address.bytes[0], 192);
	CU_ASSERT_EQUAL(a->last_handshake, 1700000000);
	CU_ASSERT_EQUAL(a->sent_bytes, UINT64_MAX);
	CU_ASSERT_EQUAL(a->received_bytes, 2);
	CU_ASSERT_EQUAL(a->keepalive_seconds, 25);
	CU_ASSERT_EQUAL_FATAL(a->prefix_count, 2);
	CU_ASSERT_EQUAL(a->prefixes[0].bits, 32);
	CU_ASSERT_EQUAL(a->prefixes[1].address.length, 16);
	CU_ASSERT_EQUAL(b->endpoint.address.length, 16);
	CU_ASSERT_EQUAL(b->endpoint.address.bytes[15], 1);
	CU_ASSERT_EQUAL(b->endpoint.port, 9);
	CU_ASSERT_EQUAL(b->prefix_count, 1);
}

/* Every size of piece, so that every place of the answer is cut once. */
static void test_pieces(void)
{
	for (size_t step = 1; step <= sizeof(answer) - 1; step++) {
		struct wg_device device WG_AUTO_DEVICE = {0};
		struct wg_uapi_reader reader;
		enum wg_uapi_state state = WG_UAPI_MORE;
		size_t at = 0;

		wg_uapi_reader_start(&reader, &device);
		while (at < sizeof(answer) - 1) {
			size_t length = sizeof(answer) - 1 - at < step ? sizeof(answer) - 1 - at : step;

			CU_ASSERT_EQUAL(state, WG_UAPI_MORE);
			state = wg_uapi_reader_feed(&reader, answer + at, length);
			at += length;
		}
		CU_ASSERT_EQUAL_FATAL(state, WG_UAPI_DONE);
		CU_ASSERT_EQUAL(reader.code, 0);
		answer_check(&device);
		wg_uapi_reader_wipe(&reader);
	}
}

static enum wg_uapi_state feed(struct wg_uapi_reader *reader, struct wg_device *device, const char *text)
{
	wg_uapi_reader_start(reader, device);
	return wg_uapi_reader_feed(reader, text, strlen(text));
}

static void test_truncated(void)
{
	for (size_t length = 0; length < sizeof(answer) - 1; length++) {
		struct wg_device device WG_AUTO_DEVICE = {0};
		struct wg_uapi_reader reader;

		wg_uapi_reader_start(&reader, &device);
		CU_ASSERT_EQUAL(wg_uapi_reader_feed(&reader, answer, length), WG_UAPI_MORE);
	}
}

static void test_errno(void)
{
	struct wg_uapi_reader reader;

	CU_ASSERT_EQUAL(feed(&reader, NULL, "errno=0\n\n"), WG_UAPI_DONE);
	CU_ASSERT_EQUAL(reader.code, 0);
	CU_ASSERT_EQUAL(feed(&reader, NULL, "errno=-98\n\n"), WG_UAPI_DONE);
	CU_ASSERT_EQUAL(reader.code, 98);
	CU_ASSERT_EQUAL(feed(&reader, NULL, "errno=98\n\n"), WG_UAPI_DONE);
	CU_ASSERT_EQUAL(reader.code, 98);
}

static void test_garbage(void)
{
	static const char *const texts[] = {
		"\n",
		"=\n\n\n",
		"nonsense\n",
		"errno=\n\n",
		"errno=-\n\n",
		"errno=--1\n\n",
		"errno=4096\n\n",
		"errno=99999999999999999999999\n\n",
		"errno=0\nerrno=0\n\n",
		"errno=0\nlisten_port=1\n\n",
		"errno=0\n\n\n",
		"errno=0\n\nx",
		"listen_port=65536\n",
		"listen_port= 1\n",
		"listen_port=-1\n",
		"listen_port=\n",
		"private_key=00\n",
		"private_key=" KEY_A "0\n",
		"public_key=zz" KEY_A "\n",
		"allowed_ip=10.0.0.0/8\n", /* of no peer */
		"endpoint=192.0.2.1:1\n",
		"public_key=" KEY_A "\nallowed_ip=10.0.0.0\n",
		"public_key=" KEY_A "\nallowed_ip=10.0.0.0/33\n",
		"public_key=" KEY_A "\nallowed_ip=10.0.0.0/\n",
		"public_key=" KEY_A "\nallowed_ip=::/129\n",
		"public_key=" KEY_A "\nallowed_ip=/0\n",
		"public_key=" KEY_A "\nendpoint=:\n",
		"public_key=" KEY_A "\nendpoint=[\n",
		"public_key=" KEY_A "\nendpoint=[:1\n",
		"public_key=" KEY_A "\nendpoint=[]:1\n",
		"public_key=" KEY_A "\nendpoint=::1:1:\n",
		"public_key=" KEY_A "\nendpoint=[::1]:65536\n",
		"public_key=" KEY_A "\nrx_bytes=18446744073709551616\n",
		"public_key=" KEY_A "\nlast_handshake_time_sec=9223372036854775808\n",
		"public_key=" KEY_A "\npersistent_keepalive_interval=x\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct wg_device device WG_AUTO_DEVICE = {0};
		struct wg_uapi_reader reader;

		CU_ASSERT_EQUAL(feed(&reader, &device, texts[i]), WG_UAPI_GARBAGE);
		CU_ASSERT_EQUAL(wg_uapi_reader_feed(&reader, "errno=0\n\n", 9), WG_UAPI_GARBAGE);
	}
}

static void test_set_answer(void)
{
	struct wg_uapi_reader reader;

	CU_ASSERT_EQUAL(feed(&reader, NULL, "listen_port=1\nerrno=0\n\n"), WG_UAPI_GARBAGE);
}

static void test_nul(void)
{
	static const char text[] = "fwmark=1\0garbage\n";
	struct wg_device device WG_AUTO_DEVICE = {0};
	struct wg_uapi_reader reader;

	wg_uapi_reader_start(&reader, &device);
	CU_ASSERT_EQUAL(wg_uapi_reader_feed(&reader, text, sizeof(text) - 1), WG_UAPI_GARBAGE);
}

static void test_huge(void)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	struct wg_uapi_reader reader;
	char line[WG_UAPI_LINE];
	char lines[8192];
	size_t fed = 0;

	memset(line, 'x', sizeof(line));
	wg_uapi_reader_start(&reader, &device);
	CU_ASSERT_EQUAL(wg_uapi_reader_feed(&reader, line, sizeof(line) - 1), WG_UAPI_MORE);
	CU_ASSERT_EQUAL(wg_uapi_reader_feed(&reader, line, 1), WG_UAPI_GARBAGE);
	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = "fwmrk=1\n"[i % 8];
	wg_uapi_reader_start(&reader, &device);
	for (; fed < WG_UAPI_ANSWER; fed += sizeof(lines))
		CU_ASSERT_EQUAL(wg_uapi_reader_feed(&reader, lines, sizeof(lines)), WG_UAPI_MORE);
	CU_ASSERT_EQUAL(wg_uapi_reader_feed(&reader, lines, 1), WG_UAPI_GARBAGE);
}

static void test_no_key(void)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	struct wg_uapi_reader reader;

	CU_ASSERT_EQUAL(feed(&reader, &device,
			     "private_key=0000000000000000000000000000000000000000000000000000000000000000\n"
			     "errno=0\n\n"),
			WG_UAPI_DONE);
	CU_ASSERT_FALSE(device.has_key);
}

void uapi_read_suite(void)
{
	CU_pSuite suite = CU_add_suite("configuration protocol, answers", NULL, NULL);

	CU_add_test(suite, "in pieces", test_pieces);
	CU_add_test(suite, "truncated", test_truncated);
	CU_add_test(suite, "errno", test_errno);
	CU_add_test(suite, "garbage", test_garbage);
	CU_add_test(suite, "answer to a set", test_set_answer);
	CU_add_test(suite, "NUL in a line", test_nul);
	CU_add_test(suite, "huge lines and answers", test_huge);
	CU_add_test(suite, "zero private key is none", test_no_key);
}
