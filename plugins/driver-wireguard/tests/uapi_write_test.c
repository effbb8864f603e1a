/* SPDX-License-Identifier: Apache-2.0 */
#include "../uapi_write.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "suites.h"

#define KEY_HEX "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"

/* What was sent, one request after the other. */
struct sent {
	char text[1u << 20];
	size_t length;
	size_t requests;
	enum nx_status status; /* to answer */
};

static enum nx_status sent_take(void *context, const char *text, size_t length, struct nx_error *error)
{
	struct sent *sent = context;

	(void)error;
	CU_ASSERT_FATAL(length <= WG_UAPI_REQUEST && sent->length + length < sizeof(sent->text));
	CU_ASSERT_EQUAL(memcmp(text, "set=1\n", 6), 0);
	CU_ASSERT_EQUAL(memcmp(text + length - 2, "\n\n", 2), 0);
	memcpy(sent->text + sent->length, text, length);
	sent->length += length;
	sent->text[sent->length] = '\0';
	sent->requests++;
	return sent->status;
}

static size_t occurrences(const char *text, const char *what)
{
	size_t count = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		count++;
	return count;
}

static struct sent sent;
static const struct wg_uapi_sink sink = {sent_take, &sent};

static void sent_forget(void)
{
	sent.length = 0;
	sent.requests = 0;
	sent.text[0] = '\0';
	sent.status = NX_OK;
}

static struct wg_key key_of(const char *hex)
{
	struct wg_key key = {{0}};

	CU_ASSERT_TRUE_FATAL(wg_key_parse_hex(hex, &key));
	return key;
}

static void test_device(void)
{
	const struct wg_key key = key_of(KEY_HEX);

	sent_forget();
	wg_uapi_write_device(&(struct wg_settings){&key, 51820}, &sink, NULL);
	CU_ASSERT_STRING_EQUAL(sent.text, "set=1\nprivate_key=" KEY_HEX "\nlisten_port=51820\n\n");
	sent_forget();
	wg_uapi_write_device(&(struct wg_settings){.listen_port = 1}, &sink, NULL);
	CU_ASSERT_STRING_EQUAL(sent.text, "set=1\nlisten_port=1\n\n");
}

static void test_peers(void)
{
	const struct nx_prefix prefixes[] = {
		{{4, {100, 100, 0, 2}}, 32},
		{{16, {2, 0, [15] = 2}}, 128},
	};
	const struct nx_endpoint v4 = {{4, {192, 0, 2, 1}}, 4711};
	const struct nx_endpoint v6 = {{16, {0xfe, 0x80, [15] = 1}}, 9};
	const struct nx_peer_change changes[] = {
		{NX_PEER_SET,
		 true,
		 {.endpoint = v4, .keepalive_seconds = 25, .prefixes = prefixes, .prefix_count = 2}},
		{NX_PEER_SET, true, {.endpoint = v6}},
		{NX_PEER_SET, false, {.endpoint = v4}},
		{NX_PEER_SET, true, {.keepalive_seconds = 1}},
		{NX_PEER_REMOVE, true, {.endpoint = v4, .prefixes = prefixes, .prefix_count = 2}},
		{NX_PEER_EXTEND, false, {.prefixes = prefixes, .prefix_count = 1}},
	};
	const struct wg_key key = key_of(KEY_HEX);
	const struct wg_key keys[] = {key, key, key, key, key, key};

	sent_forget();
	CU_ASSERT_EQUAL(wg_uapi_write_peers(changes, keys, 6, &sink, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(sent.text, "set=1\n"
					  "public_key=" KEY_HEX "\nendpoint=192.0.2.1:4711\n"
					  "persistent_keepalive_interval=25\nreplace_allowed_ips=true\n"
					  "allowed_ip=100.100.0.2/32\nallowed_ip=200::2/128\n"
					  "public_key=" KEY_HEX "\nendpoint=[fe80::1]:9\n"
					  "persistent_keepalive_interval=0\nreplace_allowed_ips=true\n"
					  "public_key=" KEY_HEX "\n"
					  "persistent_keepalive_interval=0\nreplace_allowed_ips=true\n"
					  "public_key=" KEY_HEX "\n"
					  "persistent_keepalive_interval=1\nreplace_allowed_ips=true\n"
					  "public_key=" KEY_HEX "\nremove=true\n"
					  "public_key=" KEY_HEX "\npersistent_keepalive_interval=0\n"
					  "allowed_ip=100.100.0.2/32\n\n");
}

static void test_none(void)
{
	sent_forget();
	CU_ASSERT_EQUAL(wg_uapi_write_peers(NULL, NULL, 0, &sink, NULL), NX_OK);
	CU_ASSERT_EQUAL(sent.requests, 0);
}

/* The longest lines there are, at every offset of the request's end. */
static void test_split(void)
{
	enum { PEERS = 40, EACH = 300 };
	static struct nx_prefix prefixes[EACH];
	static struct nx_peer_change changes[PEERS];
	static struct wg_key keys[PEERS];
	size_t expected = 0;

	memset(prefixes, 0xff, sizeof(prefixes));
	for (size_t i = 0; i < EACH; i++) {
		prefixes[i].address.length = 16;
		prefixes[i].bits = 128;
	}
	for (size_t i = 0; i < PEERS; i++) {
		memset(&keys[i], (int)i + 1, sizeof(keys[i]));
		changes[i] = (struct nx_peer_change){NX_PEER_SET, true, {.prefixes = prefixes}};
		changes[i].peer.prefix_count = EACH - i * 7;
		changes[i].peer.endpoint = (struct nx_endpoint){prefixes[0].address, 65535};
		changes[i].peer.keepalive_seconds = 65535;
		expected += changes[i].peer.prefix_count;
	}
	sent_forget();
	CU_ASSERT_EQUAL(wg_uapi_write_peers(changes, keys, PEERS, &sink, NULL), NX_OK);
	CU_ASSERT_TRUE(sent.requests > 2);
	CU_ASSERT_EQUAL(occurrences(sent.text, "\nallowed_ip=ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128\n"),
			expected);
	CU_ASSERT_EQUAL(occurrences(sent.text, "replace_allowed_ips=true\n"), PEERS);
	CU_ASSERT_EQUAL(occurrences(sent.text, "endpoint="), PEERS);
	sent_forget();
	sent.status = NX_UNAVAILABLE;
	CU_ASSERT_EQUAL(wg_uapi_write_peers(changes, keys, PEERS, &sink, NULL), NX_UNAVAILABLE);
	CU_ASSERT_EQUAL(sent.requests, 1);
}

void uapi_write_suite(void)
{
	CU_pSuite suite = CU_add_suite("configuration protocol, requests", NULL, NULL);

	CU_add_test(suite, "device", test_device);
	CU_add_test(suite, "peers", test_peers);
	CU_add_test(suite, "nothing to change", test_none);
	CU_add_test(suite, "split over requests", test_split);
}
