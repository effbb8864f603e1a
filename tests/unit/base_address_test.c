/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes and endpoints, beside a model that looks at one bit at a time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

/* --- the model -------------------------------------------------------------------------- */

static bool bit_at(const struct nx_address *address, unsigned int index)
{
	return address->bytes[index / 8] >> (7 - index % 8) & 1;
}

static bool model_same(const struct nx_address *a, const struct nx_address *b, unsigned int bits)
{
	if (a->length != b->length)
		return false;
	for (unsigned int i = 0; i < bits; i++) {
		if (bit_at(a, i) != bit_at(b, i))
			return false;
	}
	return true;
}

static bool model_is_masked(const struct nx_prefix *masked, const struct nx_prefix *prefix)
{
	for (unsigned int i = 0; i < 8u * prefix->address.length; i++) {
		bool expected = i < prefix->bits && bit_at(&prefix->address, i);

		if (bit_at(&masked->address, i) != expected)
			return false;
	}
	return masked->bits == prefix->bits && masked->address.length == prefix->address.length;
}

static struct nx_address random_address(uint8_t length)
{
	struct nx_address address = {.length = length};

	for (size_t i = 0; i < length; i++)
		address.bytes[i] = (uint8_t)(unit_random() >> 32);
	return address;
}

/* The same address but for one bit: every border is met from both sides. */
static struct nx_address flip_bit(const struct nx_address *address, unsigned int index)
{
	struct nx_address flipped = *address;

	flipped.bytes[index / 8] ^= (uint8_t)(0x80 >> index % 8);
	return flipped;
}

static void check_prefix(const struct nx_prefix *prefix)
{
	unsigned int width = 8u * prefix->address.length;
	struct nx_prefix masked = nx_prefix_mask(prefix);

	CU_ASSERT_TRUE(model_is_masked(&masked, prefix));
	CU_ASSERT_TRUE(nx_prefix_contains(prefix, &prefix->address));
	for (unsigned int i = 0; i < width; i++) {
		struct nx_address other = flip_bit(&prefix->address, i);
		struct nx_prefix narrow = {.address = other, .bits = (uint8_t)width};

		CU_ASSERT_EQUAL(nx_prefix_contains(prefix, &other),
				model_same(&prefix->address, &other, prefix->bits));
		CU_ASSERT_EQUAL(nx_prefix_overlaps(prefix, &narrow), i >= prefix->bits);
		CU_ASSERT_EQUAL(nx_prefix_overlaps(&narrow, prefix), i >= prefix->bits);
	}
}

static void test_every_length(void)
{
	static const uint8_t lengths[] = {4, 16};

	for (size_t i = 0; i < NX_COUNT(lengths); i++) {
		for (unsigned int bits = 0; bits <= 8u * lengths[i]; bits++) {
			for (int round = 0; round < 8; round++) {
				struct nx_prefix prefix = {.address = random_address(lengths[i]),
							   .bits = (uint8_t)bits};

				check_prefix(&prefix);
			}
		}
	}
}

static void test_pairs_of_prefixes(void)
{
	for (int round = 0; round < 20000; round++) {
		uint8_t length = unit_random() % 2 ? 4 : 16;
		struct nx_prefix a = {.address = random_address(length),
				      .bits = (uint8_t)(unit_random() % (8u * length + 1))};
		struct nx_prefix b = {
			.address = flip_bit(&a.address, (unsigned int)(unit_random() % (8u * length))),
			.bits = (uint8_t)(unit_random() % (8u * length + 1))};
		bool expected = model_same(&a.address, &b.address, a.bits < b.bits ? a.bits : b.bits);

		CU_ASSERT_EQUAL(nx_prefix_overlaps(&a, &b), expected);
	}
}

static void test_lengths_never_mix(void)
{
	struct nx_prefix four = {.address.length = 4};
	struct nx_prefix six = {.address.length = 16};
	struct nx_address none = {0};

	CU_ASSERT_FALSE(nx_prefix_overlaps(&four, &six));
	CU_ASSERT_FALSE(nx_prefix_contains(&four, &six.address));
	CU_ASSERT_FALSE(nx_prefix_contains(&six, &four.address));
	CU_ASSERT_FALSE(nx_prefix_contains(&six, &none));
	CU_ASSERT_TRUE(nx_address_compare(&four.address, &six.address) < 0);
}

/* --- text ---------------------------------------------------------------------------------- */

static void test_canonical_text(void)
{
	static const struct {
		const char *written;
		const char *shown;
	} rows[] = {
		{"0200::1", "200::1"},
		{"0200:0000:0000:0000:0000:0000:0000:0001", "200::1"},
		{"2001:DB8::A", "2001:db8::a"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},	  /* §4.2.3: the first of equals */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},	  /* the longest */
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* §4.2.2: no single group */
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"},
		{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
		{"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"}, /* §5 */
		{"::ffff:c000:201", "::ffff:192.0.2.1"},
		{"::1:0", "::1:0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"100.100.0.7", "100.100.0.7"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_address address;
		char text[NX_ADDRESS_TEXT];

		UNIT_ASSERT_ROW(nx_address_parse(rows[i].written, &address), rows[i].written);
		nx_address_format(&address, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].shown);
	}
}

static void test_text_and_back(void)
{
	for (int round = 0; round < 20000; round++) {
		struct nx_address address = random_address(unit_random() % 4 ? 16 : 4);
		struct nx_address again;
		char text[NX_ADDRESS_TEXT];

		for (size_t group = 0; group < address.length / 2u; group++) { /* runs of zeros */
			if (unit_random() % 2)
				memset(&address.bytes[2 * group], 0, 2);
		}
		CU_ASSERT_TRUE(nx_address_parse(nx_address_format(&address, text), &again));
		CU_ASSERT_EQUAL(nx_address_compare(&address, &again), 0);
	}
}

static void test_no_address(void)
{
	static const char *const rows[] = {
		"",
		" ",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.04",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.-4",
		"0x1.2.3.4",
		"1.2.3.4/32",
		":",
		":::",
		"200:",
		"200:/64",
		"1::2::3",
		"12345::",
		"g::",
		"fe80::1%eth0",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"::1.2.3",
		"[::1]",
		"::1\n",
		"1:2:3:4:5:6:7:1.2.3.4",
		"localhost",
		"١.2.3.4",
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_address address = {.length = 77};

		UNIT_ASSERT_ROW(!nx_address_parse(rows[i], &address), rows[i]);
		UNIT_ASSERT_ROW(address.length == 77, rows[i]);
	}
}

static void test_prefix_text(void)
{
	static const struct {
		const char *written;
		const char *shown;
		const char *masked;
	} rows[] = {
		{"0200::/64", "200::/64", "200::/64"},
		{"200::7/64", "200::7/64", "200::/64"},
		{"::/0", "::/0", "::/0"},
		{"0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0"},
		{"100.100.255.1/16", "100.100.255.1/16", "100.100.0.0/16"},
		{"2001:db8::1/128", "2001:db8::1/128", "2001:db8::1/128"},
		{"2001:db8::1/127", "2001:db8::1/127", "2001:db8::/127"},
		{"10.0.0.1/32", "10.0.0.1/32", "10.0.0.1/32"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_prefix prefix;
		struct nx_prefix masked;
		char text[NX_ADDRESS_TEXT];

		UNIT_ASSERT_ROW(nx_prefix_parse(rows[i].written, &prefix), rows[i].written);
		CU_ASSERT_STRING_EQUAL(nx_prefix_format(&prefix, text), rows[i].shown);
		masked = nx_prefix_mask(&prefix);
		CU_ASSERT_STRING_EQUAL(nx_prefix_format(&masked, text), rows[i].masked);
	}
}

static void test_no_prefix(void)
{
	static const char *const rows[] = {
		"",
		"/",
		"200:/64",
		"200::",
		"200::/",
		"200::/129",
		"200::/064",
		"200::/-1",
		"200::/+1",
		"200::/ 64",
		"200::/64 ",
		"200::/64/64",
		"10.0.0.0/33",
		"10.0.0/24",
		"10.0.0.0/00",
		"/64",
		"200::/4294967360",
		"200::/0x40",
		"200::/64a",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64",
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_prefix prefix = {.bits = 77};

		UNIT_ASSERT_ROW(!nx_prefix_parse(rows[i], &prefix), rows[i]);
		UNIT_ASSERT_ROW(prefix.bits == 77, rows[i]);
	}
}

/* --- endpoints ------------------------------------------------------------------------------ */

static void test_endpoints(void)
{
	static const char *const rows[] = {
		"1.2.3.4:51820", "[2001:db8::1]:51820", "[::]:1",
		"0.0.0.0:65535", "[::ffff:1.2.3.4]:9",	"[1111:2222:3333:4444:5555:6666:7777:8888]:65535"};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct sockaddr_storage storage;
		struct nx_endpoint endpoint;
		struct nx_endpoint again;
		char text[NX_ADDRESS_TEXT];

		UNIT_ASSERT_ROW(nx_endpoint_parse(rows[i], &endpoint), rows[i]);
		CU_ASSERT_STRING_EQUAL(nx_endpoint_format(&endpoint, text), rows[i]);
		CU_ASSERT_TRUE(nx_endpoint_to_sockaddr(&endpoint, &storage) > 0);
		CU_ASSERT_TRUE(nx_endpoint_from_sockaddr((const struct sockaddr *)&storage, &again));
		CU_ASSERT_EQUAL(nx_endpoint_compare(&endpoint, &again), 0);
	}
}

static void test_no_endpoint(void)
{
	static const char *const rows[] = {
		"",	  "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:007",
		"::1:80", "[::1]",   "[::1]:",	 "[::1:80",   "[1.2.3.4]:80",  "::1]:80",
		"[]:80",  "[:80",    "host:80",	 "[::1]80",   "[[::1]]:80",    "1.2.3.4:+80",
		":80"};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct sockaddr_storage storage;
	struct nx_endpoint endpoint = {.port = 77};
	const struct nx_endpoint none = {0};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		UNIT_ASSERT_ROW(!nx_endpoint_parse(rows[i], &endpoint), rows[i]);
		UNIT_ASSERT_ROW(endpoint.port == 77, rows[i]);
	}
	CU_ASSERT_FALSE(nx_endpoint_from_sockaddr(&other, &endpoint));
	CU_ASSERT_EQUAL(nx_endpoint_to_sockaddr(&none, &storage), 0);
}

static void test_order(void)
{
	static const char *const rows[] = {"0.0.0.0/0",	 "10.0.0.0/8",	"10.0.0.0/9",
					   "10.0.0.1/8", "255.0.0.0/8", "::/0",
					   "::/1",	 "200::/64",	"ffff::/16"};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		for (size_t j = 0; j < NX_COUNT(rows); j++) {
			struct nx_prefix a;
			struct nx_prefix b;
			int order;

			CU_ASSERT_TRUE(nx_prefix_parse(rows[i], &a) && nx_prefix_parse(rows[j], &b));
			order = nx_prefix_compare(&a, &b);
			CU_ASSERT_EQUAL((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every prefix length agrees with the model", test_every_length},
		{"pairs of prefixes agree with the model", test_pairs_of_prefixes},
		{"lengths of address never mix", test_lengths_never_mix},
		{"text is canonical (RFC 5952)", test_canonical_text},
		{"text reads back", test_text_and_back},
		{"what is no address is refused", test_no_address},
		{"prefixes as text", test_prefix_text},
		{"what is no prefix is refused", test_no_prefix},
		{"endpoints", test_endpoints},
		{"what is no endpoint is refused", test_no_endpoint},
		{"order", test_order},
		CU_TEST_INFO_NULL,
	};

	return unit_run("address", tests);
}
