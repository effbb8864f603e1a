/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, and who takes which address: what needs neither kernel nor agent. */
#include <stdio.h>
#include <string.h>

#include "table.h"

static int failures;

#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                       \
			failures++;                                                                          \
		}                                                                                            \
	} while (0)

#define KEY_1 "0102030405060708090a0b0c0d0e0f10"
#define KEY_2 "fdfcfbfaf9f8f7f6f5f4f3f2f1f0efee"
/* The same 46 bits as KEY_1. */
#define KEY_1_AGAIN "01020304050600000000000000000000"

static void test_keys(void)
{
	char text[VX_KEY_TEXT], mac_text[VX_MAC_TEXT];
	struct vx_key key = {0};
	struct vx_mac mac;

	CHECK(!vx_key_parse("FDFCFBFAF9F8F7F6F5F4F3F2F1F0EFEE", &key));
	vx_key_format(&key, text);
	CHECK(strcmp(text, KEY_2) == 0);
	mac = vx_key_mac(&key);
	vx_mac_format(&mac, mac_text);
	CHECK(strcmp(mac_text, "fe:fc:fb:fa:f9:f8") == 0);
	CHECK(vx_key_parse("", &key));
	CHECK(vx_key_parse(KEY_1 "0", &key));
	CHECK(vx_key_parse("0102030405060708090a0b0c0d0e0f1g", &key));
	CHECK(vx_key_parse("00000000000000000000000000000000", &key));
	vx_key_format(&key, text);
	CHECK(strcmp(text, KEY_2) == 0); /* refusals left it alone */
}

static struct nx_prefix prefix4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t bits)
{
	return (struct nx_prefix){.address = {.length = 4, .bytes = {a, b, c, d}}, .bits = bits};
}

static enum nx_status set(struct vx_table *table, const char *name, const struct nx_prefix *prefixes,
			  size_t count)
{
	const struct nx_peer peer = {.public_key = name, .prefixes = prefixes, .prefix_count = count};
	struct vx_key key;

	if (vx_key_parse(name, &key))
		return NX_INVALID;
	return vx_table_set(table, &peer, &(struct vx_mac[]){vx_key_mac(&key)}[0], false);
}

static bool leads(const struct vx_table *table, struct nx_prefix to, const char *key, bool single)
{
	bool found_single = false;
	const struct vx_peer *peer = vx_table_lookup(table, &to.address, &found_single);

	return key ? peer && strcmp(peer->key, key) == 0 && found_single == single : !peer;
}

static void test_lookup(void)
{
	const struct nx_prefix first[] = {prefix4(10, 0, 0, 0, 8), prefix4(10, 0, 0, 1, 32)};
	const struct nx_prefix second[] = {prefix4(10, 64, 0, 0, 11), prefix4(10, 0, 0, 2, 32)};
	const struct nx_prefix all[] = {{.address = {.length = 16}, .bits = 0}};
	const struct nx_address six = {.length = 16, .bytes = {0x20, 0x01}};
	struct vx_table table = {0};
	bool single = true;

	CHECK(set(&table, KEY_1, first, 2) == NX_OK && set(&table, KEY_2, second, 2) == NX_OK);
	CHECK(leads(&table, prefix4(10, 0, 0, 1, 32), KEY_1, true));
	CHECK(leads(&table, prefix4(10, 0, 0, 2, 32), KEY_2, true));
	CHECK(leads(&table, prefix4(10, 0, 0, 3, 32), KEY_1, false));
	CHECK(leads(&table, prefix4(10, 95, 255, 255, 32), KEY_2, false));
	CHECK(leads(&table, prefix4(10, 96, 0, 0, 32), KEY_1, false));
	CHECK(leads(&table, prefix4(11, 0, 0, 1, 32), NULL, false));
	CHECK(!vx_table_lookup(&table, &six, &single));
	CHECK(set(&table, KEY_2, all, 1) == NX_OK);
	CHECK(vx_table_lookup(&table, &six, &single) == vx_table_find(&table, KEY_2) && !single);
	CHECK(leads(&table, prefix4(10, 0, 0, 2, 32), KEY_1, false));
	vx_table_remove(&table, KEY_1);
	CHECK(table.count == 1 && leads(&table, prefix4(10, 0, 0, 1, 32), NULL, false));
	vx_table_clear(&table);
}

/* It goes to who was given it last, whoever is told of first. */
static void test_prefix_moves(void)
{
	const struct nx_prefix prefix = prefix4(192, 0, 2, 0, 24);
	struct vx_table table = {0};

	CHECK(set(&table, KEY_1, &prefix, 1) == NX_OK && set(&table, KEY_2, &prefix, 1) == NX_OK);
	CHECK(vx_table_find(&table, KEY_1)->prefix_count == 0);
	CHECK(set(&table, KEY_1, &prefix, 1) == NX_OK);
	CHECK(leads(&table, prefix4(192, 0, 2, 9, 32), KEY_1, false));
	CHECK(vx_table_find(&table, KEY_2)->prefix_count == 0);
	vx_table_clear(&table);
}

/* One Ethernet address is one peer's, but that of a peer found in the kernel becomes who it is. */
static void test_same_mac(void)
{
	const struct nx_prefix prefix = prefix4(10, 0, 0, 1, 32);
	const struct nx_peer found = {.public_key = "02:02:03:04:05:06",
				      .endpoint = {prefix4(192, 0, 2, 1, 32).address, 4789},
				      .prefixes = &prefix,
				      .prefix_count = 1};
	struct vx_table table = {0};
	struct vx_mac mac = {{0x02, 0x02, 0x03, 0x04, 0x05, 0x06}};

	CHECK(vx_table_set(&table, &found, &mac, true) == NX_OK);
	CHECK(set(&table, KEY_1, &prefix, 1) == NX_OK);
	CHECK(table.count == 1 && leads(&table, prefix, KEY_1, true));
	CHECK(table.peers[0].endpoint.port == 4789);
	CHECK(set(&table, KEY_1_AGAIN, &prefix, 1) == NX_CONFLICT);
	CHECK(table.count == 1 && leads(&table, prefix, KEY_1, true));
	vx_table_clear(&table);
}

int main(void)
{
	test_keys();
	test_lookup();
	test_prefix_moves();
	test_same_mac();
	printf(failures ? "%d failures\n" : "ok\n", failures);
	return failures != 0;
}
