/* SPDX-License-Identifier: Apache-2.0 */
/* STUN messages: the vectors of RFC 5769, each of them cut anywhere, and what others make of the rules. */
#include "base/stun.h"

#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

#define VECTOR(name) (name), sizeof(name) - 1
#define TRANSACTION "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
#define COOKIE "\x21\x12\xa4\x42"

/* RFC 5769 §2.1, with USERNAME, MESSAGE-INTEGRITY and two attributes of ICE */
static const char sample_request[] = "\x00\x01\x00\x58" COOKIE TRANSACTION "\x80\x22\x00\x10STUN test client"
				     "\x00\x24\x00\x04\x6e\x00\x01\xff"
				     "\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
				     "\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
				     "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5"
				     "\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
				     "\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

/* §2.2 */
static const char ipv4_response[] = "\x01\x01\x00\x3c" COOKIE TRANSACTION "\x80\x22\x00\x0b"
				    "test vector "
				    "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
				    "\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9"
				    "\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7"
				    "\x80\x28\x00\x04\xc0\x7d\x4c\x96";

/* §2.3 */
static const char ipv6_response[] = "\x01\x01\x00\x48" COOKIE TRANSACTION "\x80\x22\x00\x0b"
				    "test vector "
				    "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79"
				    "\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9"
				    "\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c"
				    "\x82\x92\xc2\x75\xbf\xe3\xed\x41"
				    "\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

static const struct vector {
	const char *name;
	const char *bytes;
	size_t length;
} vectors[] = {
	{"sample request", VECTOR(sample_request)},
	{"IPv4 response", VECTOR(ipv4_response)},
	{"IPv6 response", VECTOR(ipv6_response)},
};

/* In memory of exactly its size, so that a sanitizer sees a step too far. */
static enum nx_status read_exactly(const void *data, size_t length, struct nx_stun_message *out)
{
	NX_AUTO_FREE uint8_t *exact = nx_alloc(length ? length : 1);

	if (length)
		memcpy(exact, data, length);
	return nx_stun_read(exact, length, out, NULL);
}

static bool is_mapped(const struct nx_stun_message *message, const char *endpoint)
{
	struct nx_endpoint expected;

	return nx_endpoint_parse(endpoint, &expected) &&
	       nx_endpoint_compare(&expected, &message->mapped) == 0;
}

static const char zeros[524];

/* --- messages made by hand ---------------------------------------------------------------- */

struct draft {
	uint8_t bytes[1024];
	size_t length;
};

static struct draft draft_start(uint16_t type)
{
	struct draft draft = {.length = 20};

	memcpy(draft.bytes + 4, COOKIE TRANSACTION, 16);
	draft.bytes[0] = (uint8_t)(type >> 8);
	draft.bytes[1] = (uint8_t)type;
	return draft;
}

static void draft_add(struct draft *draft, uint16_t type, const char *value, size_t length)
{
	uint8_t *at = draft->bytes + draft->length;

	at[0] = (uint8_t)(type >> 8);
	at[1] = (uint8_t)type;
	at[2] = (uint8_t)(length >> 8);
	at[3] = (uint8_t)length;
	if (length)
		memcpy(at + 4, value, length);
	draft->length += 4 + (length + 3) / 4 * 4;
	draft->bytes[2] = (uint8_t)((draft->length - 20) >> 8);
	draft->bytes[3] = (uint8_t)(draft->length - 20);
}

static enum nx_status draft_read(const struct draft *draft, struct nx_stun_message *out)
{
	return read_exactly(draft->bytes, draft->length, out);
}

/* --- reading ------------------------------------------------------------------------------ */

static void test_sample_request(void)
{
	struct nx_stun_message message;

	CU_ASSERT_EQUAL_FATAL(read_exactly(VECTOR(sample_request), &message), NX_OK);
	CU_ASSERT_EQUAL(message.kind, NX_STUN_REQUEST);
	CU_ASSERT_EQUAL(memcmp(message.transaction.bytes, TRANSACTION, 12), 0);
	CU_ASSERT_EQUAL(message.mapped.port, 0);
	CU_ASSERT_EQUAL(message.error_code, 0);
	/* PRIORITY belongs to ICE and must be understood; ICE-CONTROLLED need not be */
	CU_ASSERT_EQUAL(message.unknown_count, 1);
	CU_ASSERT_EQUAL(message.unknown[0], 0x0024);
}

static void test_sample_responses(void)
{
	struct nx_stun_message message;

	CU_ASSERT_EQUAL_FATAL(read_exactly(VECTOR(ipv4_response), &message), NX_OK);
	CU_ASSERT_EQUAL(message.kind, NX_STUN_SUCCESS);
	CU_ASSERT_EQUAL(message.unknown_count, 0);
	CU_ASSERT_TRUE(is_mapped(&message, "192.0.2.1:32853"));
	CU_ASSERT_EQUAL_FATAL(read_exactly(VECTOR(ipv6_response), &message), NX_OK);
	CU_ASSERT_EQUAL(message.kind, NX_STUN_SUCCESS);
	CU_ASSERT_TRUE(is_mapped(&message, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
}

/* Cut off anywhere, with its length as it was and with one that fits what is left. */
static void test_every_cut(void)
{
	for (size_t i = 0; i < NX_COUNT(vectors); i++) {
		for (size_t length = 0; length < vectors[i].length; length++) {
			struct nx_stun_message untouched = {.error_code = 12345};
			uint8_t bytes[NX_STUN_MESSAGE_BYTES];

			UNIT_ASSERT_ROW(read_exactly(vectors[i].bytes, length, &untouched) == NX_INVALID,
					vectors[i].name);
			UNIT_ASSERT_ROW(untouched.error_code == 12345, vectors[i].name);
			if (length < 20)
				continue;
			memcpy(bytes, vectors[i].bytes, length);
			bytes[2] = 0;
			bytes[3] = (uint8_t)(length - 20);
			/* fine at the border of two attributes, else not: never beyond the end */
			read_exactly(bytes, length, &untouched);
		}
	}
}

/* FINGERPRINT notices every one of them. (In the request USERNAME can grow until it holds all the rest.) */
static void test_every_bit_flipped(void)
{
	for (size_t i = 1; i < NX_COUNT(vectors); i++) {
		for (size_t bit = 0; bit < 8 * vectors[i].length; bit++) {
			uint8_t bytes[NX_STUN_MESSAGE_BYTES];
			struct nx_stun_message message;

			memcpy(bytes, vectors[i].bytes, vectors[i].length);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			/* in the type of FINGERPRINT the flip makes it another, optional attribute */
			if (bit / 8 == vectors[i].length - 8 || bit / 8 == vectors[i].length - 7)
				continue;
			UNIT_ASSERT_ROW(read_exactly(bytes, vectors[i].length, &message) != NX_OK,
					vectors[i].name);
		}
	}
}

static void test_too_many_bytes(void)
{
	struct draft draft = draft_start(0x0001);
	struct nx_stun_message message;
	uint8_t bytes[sizeof(sample_request)];

	memcpy(bytes, sample_request, sizeof(bytes));
	CU_ASSERT_EQUAL(read_exactly(bytes, sizeof(bytes), &message), NX_INVALID);
	draft_add(&draft, 0x8022, zeros, 524);
	CU_ASSERT_EQUAL(draft.length, NX_STUN_MESSAGE_BYTES);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	draft_add(&draft, 0x8023, NULL, 0);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_INVALID);
}

static void test_kinds_and_methods(void)
{
	static const struct {
		uint16_t type;
		enum nx_status status;
		enum nx_stun_kind kind;
	} rows[] = {
		{0x0001, NX_OK, NX_STUN_REQUEST},      {0x0011, NX_OK, NX_STUN_INDICATION},
		{0x0101, NX_OK, NX_STUN_SUCCESS},      {0x0111, NX_OK, NX_STUN_ERROR},
		{0x0000, NX_UNSUPPORTED, 0},	       {0x0002, NX_UNSUPPORTED, 0}, /* Shared Secret, once */
		{0x0003, NX_UNSUPPORTED, 0},	       {0x0021, NX_UNSUPPORTED, 0}, /* TURN's Allocate */
		{0x0201, NX_UNSUPPORTED, 0},	       {0x3fff, NX_UNSUPPORTED, 0},
		{0x4001, NX_INVALID, 0} /* no STUN */, {0x8001, NX_INVALID, 0},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct draft draft = draft_start(rows[i].type);
		struct nx_stun_message message;
		char name[16];

		snprintf(name, sizeof(name), "0x%04x", rows[i].type);
		UNIT_ASSERT_ROW(draft_read(&draft, &message) == rows[i].status, name);
		UNIT_ASSERT_ROW(nx_stun_looks_like(draft.bytes, draft.length) ==
					(rows[i].status != NX_INVALID),
				name);
		if (rows[i].status == NX_OK)
			UNIT_ASSERT_ROW(message.kind == rows[i].kind, name);
	}
}

static void test_looks_like(void)
{
	/* what WireGuard sends on the same port starts with 1 … 4 and has no cookie */
	static const uint8_t handshake[148] = {1};
	uint8_t bytes[sizeof(sample_request) - 1];

	CU_ASSERT_FALSE(nx_stun_looks_like(handshake, sizeof(handshake)));
	memcpy(bytes, sample_request, sizeof(bytes));
	CU_ASSERT_TRUE(nx_stun_looks_like(bytes, sizeof(bytes)));
	CU_ASSERT_FALSE(nx_stun_looks_like(bytes, 19));
	for (size_t i = 4; i < 8; i++) {
		bytes[i] ^= 1;
		CU_ASSERT_FALSE(nx_stun_looks_like(bytes, sizeof(bytes)));
		bytes[i] ^= 1;
	}
}

static void test_mapped_address(void)
{
	struct draft draft = draft_start(0x0101);
	struct nx_stun_message message;

	/* an old server's answer has no XOR; neither counts where it has no meaning */
	draft_add(&draft, 0x0001, "\0\1\x12\x34\xc0\0\2\7", 8);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_TRUE(is_mapped(&message, "192.0.2.7:4660"));
	/* XOR is believed rather than the other, and the first rather than the second */
	draft_add(&draft, 0x0020, "\0\1\xa1\x47\xe1\x12\xa6\x43", 8);
	draft_add(&draft, 0x0020, "\0\1\xa1\x48\xe1\x12\xa6\x43", 8);
	draft_add(&draft, 0x0001, "\0\1\x12\x35\xc0\0\2\7", 8);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_TRUE(is_mapped(&message, "192.0.2.1:32853"));
	draft.bytes[0] = 0;
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_EQUAL(message.mapped.port, 0);
	draft = draft_start(0x0101);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_EQUAL(message.mapped.port, 0);
}

static void test_attributes_that_do_not_fit(void)
{
	static const struct {
		const char *name;
		uint16_t kind;
		uint16_t type;
		size_t length;
		const char *value;
	} rows[] = {
		{"address without any", 0x0101, 0x0001, 0, ""},
		{"address cut", 0x0101, 0x0001, 3, "\0\1\1"},
		{"IPv4 too short", 0x0101, 0x0001, 7, "\0\1\1\1\1\1\1"},
		{"IPv4 too long", 0x0101, 0x0001, 9, "\0\1\1\1\1\1\1\1\1"},
		{"IPv6 too short", 0x0101, 0x0020, 8, "\0\2\1\1\1\1\1\1"},
		{"no family", 0x0101, 0x0020, 8, "\0\0\1\1\1\1\1\1"},
		{"family of the future", 0x0101, 0x0020, 8, "\0\3\1\1\1\1\1\1"},
		{"port 0", 0x0101, 0x0001, 8, "\0\1\0\0\1\1\1\1"},
		{"port 0 within XOR", 0x0101, 0x0020, 8, "\0\1\x21\x12\1\1\1\1"},
		{"error cut", 0x0111, 0x0009, 3, "\0\0\4"},
		{"error 200", 0x0111, 0x0009, 4, "\0\0\2\0"},
		{"error 700", 0x0111, 0x0009, 4, "\0\0\7\0"},
		{"error 4 hundreds and 100", 0x0111, 0x0009, 4, "\0\0\4\144"},
		{"odd list", 0x0111, 0x000a, 3, "\0\1\2"},
		{"integrity that swallows the fingerprint", 0x0001, 0x0008, 28, zeros},
		{"integrity cut", 0x0001, 0x0008, 19, zeros},
		{"SHA-256 cut", 0x0001, 0x001c, 12, zeros},
		{"SHA-256 too long", 0x0001, 0x001c, 36, zeros},
		{"SHA-256 of no multiple of 4", 0x0001, 0x001c, 18, zeros},
		{"fingerprint cut", 0x0001, 0x8028, 3, "\0\0\0"},
		{"fingerprint wrong", 0x0001, 0x8028, 4, "\0\0\0\0"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct draft draft = draft_start(rows[i].kind);
		struct nx_stun_message message;

		draft_add(&draft, rows[i].type, rows[i].value, rows[i].length);
		UNIT_ASSERT_ROW(draft_read(&draft, &message) == NX_INVALID, rows[i].name);
	}
}

static void test_error_code(void)
{
	struct draft draft = draft_start(0x0111);
	struct nx_stun_message message;

	/* the reserved bits are not looked at (§14.8), the second code is not taken */
	draft_add(&draft, 0x0009, "\xff\xff\xfb\x57Try Alternate", 17);
	draft_add(&draft, 0x0009, "\0\0\6\0", 4);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_EQUAL(message.kind, NX_STUN_ERROR);
	CU_ASSERT_EQUAL(message.error_code, 387);
}

static void test_unknown_attributes(void)
{
	struct draft draft = draft_start(0x0001);
	struct nx_stun_message message;

	draft_add(&draft, 0x8000, "x", 1);
	draft_add(&draft, 0xffff, NULL, 0);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_EQUAL(message.unknown_count, 0);
	/* CHANGE-REQUEST, twice: told once */
	draft_add(&draft, 0x0003, "\0\0\0\6", 4);
	draft_add(&draft, 0x0003, "\0\0\0\6", 4);
	draft_add(&draft, 0x7fff, "12345", 5);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_EQUAL(message.unknown_count, 2);
	CU_ASSERT_EQUAL(message.unknown[0], 0x0003);
	CU_ASSERT_EQUAL(message.unknown[1], 0x7fff);
	for (uint16_t i = 0; i < 20; i++)
		draft_add(&draft, (uint16_t)(0x4000 + i), NULL, 0);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	CU_ASSERT_EQUAL(message.unknown_count, NX_STUN_UNKNOWN_LIMIT);
	CU_ASSERT_EQUAL(message.unknown[7], 0x4005);
}

static void test_after_integrity(void)
{
	static const uint16_t integrity[] = {0x0008, 0x001c};

	for (size_t i = 0; i < NX_COUNT(integrity); i++) {
		struct draft draft = draft_start(0x0101);
		struct nx_stun_message message;

		draft_add(&draft, 0x0020, "\0\1\xa1\x47\xe1\x12\xa6\x43", 8);
		draft_add(&draft, integrity[i], zeros, i ? 32 : 20);
		draft_add(&draft, 0x0003, NULL, 0);
		draft_add(&draft, 0x0001, "bad", 3);
		CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
		CU_ASSERT_EQUAL(message.unknown_count, 0);
		CU_ASSERT_TRUE(is_mapped(&message, "192.0.2.1:32853"));
		draft_add(&draft, 0x8028, "\0\0\0\0", 4);
		CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_INVALID);
	}
}

/* What follows FINGERPRINT would not be covered by it. */
static void test_fingerprint_is_last(void)
{
	struct draft draft = {0};
	struct nx_stun_transaction transaction;
	struct nx_stun_message message;

	memcpy(transaction.bytes, TRANSACTION, sizeof(transaction.bytes));
	draft.length = nx_stun_write_request(&transaction, draft.bytes);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_OK);
	draft_add(&draft, 0x8022, NULL, 0);
	CU_ASSERT_EQUAL(draft_read(&draft, &message), NX_INVALID);
}

static void test_refusals_say_why(void)
{
	static const char allocate[] = "\x00\x03\x00\x00" COOKIE TRANSACTION;
	struct nx_stun_message message;
	struct nx_error error;

	CU_ASSERT_EQUAL(nx_stun_read("GET / HTTP/1.1\r\n\r\n\r\n", 22, &message, &error), NX_INVALID);
	UNIT_ASSERT_HOLDS(error.message, "no STUN message");
	CU_ASSERT_EQUAL(nx_stun_read(VECTOR(allocate), &message, &error), NX_UNSUPPORTED);
	UNIT_ASSERT_HOLDS(error.message, "0x003");
	CU_ASSERT_EQUAL(nx_stun_read(sample_request, 40, &message, &error), NX_INVALID);
	UNIT_ASSERT_HOLDS(error.message, "as long as");
}

/* --- writing ------------------------------------------------------------------------------ */

static struct nx_stun_transaction random_transaction(void)
{
	struct nx_stun_transaction transaction;

	for (size_t i = 0; i < sizeof(transaction.bytes); i++)
		transaction.bytes[i] = (uint8_t)unit_random();
	return transaction;
}

static void test_request_reads_back(void)
{
	struct nx_stun_transaction transaction = random_transaction();
	uint8_t bytes[NX_STUN_MESSAGE_BYTES];
	struct nx_stun_message message;

	CU_ASSERT_EQUAL_FATAL(read_exactly(bytes, nx_stun_write_request(&transaction, bytes), &message),
			      NX_OK);
	CU_ASSERT_EQUAL(message.kind, NX_STUN_REQUEST);
	CU_ASSERT_EQUAL(memcmp(&message.transaction, &transaction, sizeof(transaction)), 0);
	CU_ASSERT_EQUAL(message.unknown_count, 0);
}

static void test_success_reads_back(void)
{
	static const char *const endpoints[] = {"192.0.2.1:32853", "0.0.0.0:1", "255.255.255.255:65535",
						"[2001:db8::1]:3478", "[::]:8466"};

	for (size_t i = 0; i < NX_COUNT(endpoints); i++) {
		struct nx_stun_transaction transaction = random_transaction();
		uint8_t bytes[NX_STUN_MESSAGE_BYTES];
		struct nx_stun_message message;
		struct nx_endpoint mapped;
		size_t length;

		CU_ASSERT_TRUE_FATAL(nx_endpoint_parse(endpoints[i], &mapped));
		length = nx_stun_write_success(&transaction, &mapped, bytes);
		CU_ASSERT_EQUAL(length, mapped.address.length == 4 ? 52 : 64);
		CU_ASSERT_EQUAL(read_exactly(bytes, length, &message), NX_OK);
		UNIT_ASSERT_ROW(is_mapped(&message, endpoints[i]), endpoints[i]);
		CU_ASSERT_EQUAL(memcmp(&message.transaction, &transaction, sizeof(transaction)), 0);
	}
}

/* The vector without what needs a password is what we write, byte for byte, but for SOFTWARE and the sum. */
static void test_success_is_the_vector(void)
{
	struct nx_stun_transaction transaction;
	uint8_t bytes[NX_STUN_MESSAGE_BYTES];
	struct nx_endpoint mapped;

	memcpy(transaction.bytes, TRANSACTION, sizeof(transaction.bytes));
	CU_ASSERT_TRUE(nx_endpoint_parse("192.0.2.1:32853", &mapped));
	nx_stun_write_success(&transaction, &mapped, bytes);
	CU_ASSERT_EQUAL(memcmp(bytes + 20, ipv4_response + 36, 12), 0);
	CU_ASSERT_TRUE(nx_endpoint_parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853", &mapped));
	nx_stun_write_success(&transaction, &mapped, bytes);
	CU_ASSERT_EQUAL(memcmp(bytes + 20, ipv6_response + 36, 24), 0);
}

static void test_unknown_reads_back(void)
{
	for (size_t count = 0; count <= NX_STUN_UNKNOWN_LIMIT; count++) {
		struct nx_stun_message request = {.kind = NX_STUN_REQUEST, .unknown_count = count};
		uint8_t bytes[NX_STUN_MESSAGE_BYTES];
		struct nx_stun_message message;
		size_t length;

		request.transaction = random_transaction();
		for (size_t i = 0; i < count; i++)
			request.unknown[i] = (uint16_t)(0x7f00 + i);
		length = nx_stun_write_unknown(&request, bytes);
		CU_ASSERT_EQUAL(read_exactly(bytes, length, &message), NX_OK);
		CU_ASSERT_EQUAL(message.kind, NX_STUN_ERROR);
		CU_ASSERT_EQUAL(message.error_code, 420);
		CU_ASSERT_EQUAL(memcmp(&message.transaction, &request.transaction, 12), 0);
		/* UNKNOWN-ATTRIBUTES comes after ERROR-CODE (28 bytes) */
		CU_ASSERT_EQUAL(bytes[51], 2 * count);
		for (size_t i = 0; i < count; i++)
			CU_ASSERT_EQUAL(bytes[53 + 2 * i], i);
	}
}

/* --- garbage ------------------------------------------------------------------------------ */

static void test_garbage(void)
{
	for (int round = 0; round < 100000; round++) {
		struct nx_stun_message message;
		uint8_t bytes[600];
		size_t length = unit_random() % sizeof(bytes);

		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)(unit_random() >> 24);
		/* half of it gets past the header */
		if (round % 2 && length >= 20) {
			memcpy(bytes, sample_request, 8);
			bytes[0] = (uint8_t)(unit_random() & 1);
			bytes[2] = (uint8_t)((length - 20) >> 8);
			bytes[3] = (uint8_t)(length - 20);
		}
		read_exactly(bytes, length, &message);
	}
}

/* The vectors with some bytes changed: deeper than noise gets. */
static void test_damaged_vectors(void)
{
	for (int round = 0; round < 100000; round++) {
		const struct vector *vector = &vectors[unit_random() % NX_COUNT(vectors)];
		uint8_t bytes[NX_STUN_MESSAGE_BYTES];
		struct nx_stun_message message;
		size_t length = vector->length - 8 * (unit_random() % 2);

		memcpy(bytes, vector->bytes, length);
		bytes[3] = (uint8_t)(length - 20);
		for (uint64_t changes = unit_random() % 4; changes > 0; changes--)
			bytes[20 + unit_random() % (length - 20)] = (uint8_t)(unit_random() >> 24);
		read_exactly(bytes, length, &message);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"RFC 5769: sample request", test_sample_request},
		{"RFC 5769: sample responses", test_sample_responses},
		{"cut anywhere", test_every_cut},
		{"any bit flipped", test_every_bit_flipped},
		{"more bytes than the message has", test_too_many_bytes},
		{"kinds and methods", test_kinds_and_methods},
		{"what looks like STUN", test_looks_like},
		{"which address is believed", test_mapped_address},
		{"attributes that do not fit", test_attributes_that_do_not_fit},
		{"error codes", test_error_code},
		{"unknown attributes", test_unknown_attributes},
		{"what follows MESSAGE-INTEGRITY", test_after_integrity},
		{"FINGERPRINT is last", test_fingerprint_is_last},
		{"refusals say why", test_refusals_say_why},
		{"requests read back", test_request_reads_back},
		{"success reads back", test_success_reads_back},
		{"success is as in the vector", test_success_is_the_vector},
		{"unknown attributes are told", test_unknown_reads_back},
		{"garbage", test_garbage},
		{"damaged vectors", test_damaged_vectors},
		CU_TEST_INFO_NULL,
	};

	return unit_run("stun", tests);
}
