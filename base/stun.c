/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stun.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char software[] = "Nexodus";

enum {
	MAGIC_COOKIE = 0x2112a442,
	METHOD_BINDING = 0x001,
	FINGERPRINT_MASK = 0x5354554e, /* "STUN": §14.7 */
	UNKNOWN_ATTRIBUTE = 420,

	/* Where things stand in the header (§5). */
	AT_LENGTH = 2,
	AT_COOKIE = 4,
	AT_TRANSACTION = 8,

	ATTRIBUTE_HEADER_BYTES = 4,
	FINGERPRINT_BYTES = 4,
	INTEGRITY_BYTES = 20,	     /* §14.5 */
	INTEGRITY_SHA256_LEAST = 16, /* §14.6: cut by multiples of 4 */
	INTEGRITY_SHA256_MOST = 32,
	FAMILY_IPV4 = 1, /* §14.1 */
	FAMILY_IPV6 = 2,
};

/* §18.3; what is below 0x8000 must be understood. */
enum attribute {
	MAPPED_ADDRESS = 0x0001,
	USERNAME = 0x0006,
	MESSAGE_INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	REALM = 0x0014,
	NONCE = 0x0015,
	MESSAGE_INTEGRITY_SHA256 = 0x001c,
	PASSWORD_ALGORITHM = 0x001d,
	USERHASH = 0x001e,
	XOR_MAPPED_ADDRESS = 0x0020,
	COMPREHENSION_OPTIONAL = 0x8000, /* this and all above */
	SOFTWARE = 0x8022,
	FINGERPRINT = 0x8028,
};

static uint16_t read_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_u32(const uint8_t *at)
{
	return (uint32_t)read_u16(at) << 16 | read_u16(at + 2);
}

static void write_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void write_u32(uint8_t *at, uint32_t value)
{
	write_u16(at, (uint16_t)(value >> 16));
	write_u16(at + 2, (uint16_t)value);
}

/* Attributes start at multiples of 4 (§14). */
static size_t padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

/* What FINGERPRINT says of the message before it: CRC-32 of ITU V.42, four bits at a time. */
static uint32_t fingerprint_of(const uint8_t *data, size_t length)
{
	static const uint32_t steps[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ steps[crc & 15];
		crc = crc >> 4 ^ steps[crc & 15];
	}
	return ~crc ^ FINGERPRINT_MASK;
}

/* --- reading ------------------------------------------------------------------------------ */

struct reader {
	const uint8_t *data; /* the whole message */
	size_t length;
	bool integrity_seen; /* what follows is not covered, so it is not believed (§14.5) */
	struct nx_endpoint mapped;
	struct nx_endpoint xor_mapped;
	struct nx_stun_message message;
};

struct field {
	uint16_t type;
	uint16_t length; /* without padding */
	const uint8_t *value;
};

/* The two bits of the class stand among those of the method: M M M M M C M M M C M M M M (§5). */
static enum nx_stun_kind kind_of(uint16_t type)
{
	static const enum nx_stun_kind kinds[] = {NX_STUN_REQUEST, NX_STUN_INDICATION, NX_STUN_SUCCESS,
						  NX_STUN_ERROR};

	return kinds[(type >> 7 & 2) | (type >> 4 & 1)];
}

static uint16_t method_of(uint16_t type)
{
	return (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x070) | (type & 0x00f));
}

/* With XOR both port and address are mixed with what stands from the cookie on (§14.2). */
static bool read_endpoint(const struct field *field, const uint8_t *mask, struct nx_endpoint *out)
{
	static const uint8_t none[NX_ADDRESS_BYTES];
	struct nx_endpoint endpoint = {0};

	if (field->length < 4)
		return false;
	if (field->value[1] == FAMILY_IPV4)
		endpoint.address.length = 4;
	else if (field->value[1] == FAMILY_IPV6)
		endpoint.address.length = 16;
	if (endpoint.address.length == 0 || field->length != 4 + endpoint.address.length)
		return false;
	if (!mask)
		mask = none;
	endpoint.port = read_u16(field->value + 2) ^ read_u16(mask);
	for (size_t i = 0; i < endpoint.address.length; i++)
		endpoint.address.bytes[i] = field->value[4 + i] ^ mask[i];
	/* of several the first counts (§14) */
	if (out->port == 0)
		*out = endpoint;
	return endpoint.port != 0;
}

static bool read_error_code(const struct field *field, struct nx_stun_message *out)
{
	unsigned int hundreds;
	unsigned int rest;

	if (field->length < 4)
		return false;
	hundreds = field->value[2] & 7;
	rest = field->value[3];
	if (hundreds < 3 || hundreds > 6 || rest > 99)
		return false;
	if (out->error_code == 0)
		out->error_code = (uint16_t)(hundreds * 100 + rest);
	return true;
}

static bool check_fingerprint(const struct field *field, const struct reader *reader)
{
	const uint8_t *start = field->value - ATTRIBUTE_HEADER_BYTES;

	return field->length == FINGERPRINT_BYTES &&
	       field->value + FINGERPRINT_BYTES == reader->data + reader->length &&
	       read_u32(field->value) == fingerprint_of(reader->data, (size_t)(start - reader->data));
}

/* Not proven, having no password, but its length is checked: a wrong one could hide FINGERPRINT. */
static bool check_integrity(const struct field *field)
{
	if (field->type == MESSAGE_INTEGRITY)
		return field->length == INTEGRITY_BYTES;
	return field->length >= INTEGRITY_SHA256_LEAST && field->length <= INTEGRITY_SHA256_MOST &&
	       field->length % 4 == 0;
}

static void note_unknown(uint16_t type, struct nx_stun_message *out)
{
	if (type >= COMPREHENSION_OPTIONAL || out->unknown_count == NX_STUN_UNKNOWN_LIMIT)
		return;
	for (size_t i = 0; i < out->unknown_count; i++) {
		if (out->unknown[i] == type)
			return;
	}
	out->unknown[out->unknown_count++] = type;
}

/* False: it does not fit. An attribute in a message where it has no meaning is passed over. */
static bool read_attribute(const struct field *field, struct reader *reader)
{
	struct nx_stun_message *message = &reader->message;

	if (field->type == FINGERPRINT)
		return check_fingerprint(field, reader);
	if (reader->integrity_seen)
		return true;
	switch (field->type) {
	case MAPPED_ADDRESS:
		return message->kind != NX_STUN_SUCCESS || read_endpoint(field, NULL, &reader->mapped);
	case XOR_MAPPED_ADDRESS:
		return message->kind != NX_STUN_SUCCESS ||
		       read_endpoint(field, reader->data + AT_COOKIE, &reader->xor_mapped);
	case ERROR_CODE:
		return message->kind != NX_STUN_ERROR || read_error_code(field, message);
	case UNKNOWN_ATTRIBUTES:
		return field->length % 2 == 0;
	case MESSAGE_INTEGRITY:
	case MESSAGE_INTEGRITY_SHA256:
		reader->integrity_seen = true;
		return check_integrity(field);
	case USERNAME:
	case REALM:
	case NONCE:
	case PASSWORD_ALGORITHM:
	case USERHASH:
		return true;
	default:
		note_unknown(field->type, message);
		return true;
	}
}

/* Cut the next attribute off; false when what is left is none. */
static bool next_attribute(const struct reader *reader, size_t *at, struct field *out)
{
	size_t left = reader->length - *at;
	const uint8_t *start = reader->data + *at;

	if (left < ATTRIBUTE_HEADER_BYTES)
		return false;
	out->type = read_u16(start);
	out->length = read_u16(start + 2);
	out->value = start + ATTRIBUTE_HEADER_BYTES;
	if (padded(out->length) > left - ATTRIBUTE_HEADER_BYTES)
		return false;
	*at += ATTRIBUTE_HEADER_BYTES + padded(out->length);
	return true;
}

bool nx_stun_looks_like(const void *data, size_t length)
{
	const uint8_t *bytes = data;

	return length >= NX_STUN_HEADER_BYTES && (bytes[0] & 0xc0) == 0 &&
	       read_u32(bytes + AT_COOKIE) == MAGIC_COOKIE;
}

static enum nx_status read_header(struct reader *reader, struct nx_error *error)
{
	uint16_t type;

	if (!nx_stun_looks_like(reader->data, reader->length))
		return nx_fail(error, NX_INVALID, NULL, "%zu bytes are no STUN message", reader->length);
	if (reader->length > NX_STUN_MESSAGE_BYTES ||
	    reader->length - NX_STUN_HEADER_BYTES != read_u16(reader->data + AT_LENGTH))
		return nx_fail(error, NX_INVALID, NULL, "a STUN message is not as long as it says");
	type = read_u16(reader->data);
	if (method_of(type) != METHOD_BINDING)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "STUN method 0x%03x is not Binding",
			       method_of(type));
	reader->message.kind = kind_of(type);
	memcpy(reader->message.transaction.bytes, reader->data + AT_TRANSACTION,
	       sizeof(reader->message.transaction.bytes));
	return NX_OK;
}

enum nx_status nx_stun_read(const void *data, size_t length, struct nx_stun_message *out,
			    struct nx_error *error)
{
	struct reader reader = {.data = data, .length = length};
	size_t at = NX_STUN_HEADER_BYTES;
	enum nx_status status = read_header(&reader, error);
	struct field field;

	if (status)
		return status;
	while (at < length) {
		if (!next_attribute(&reader, &at, &field))
			return nx_fail(error, NX_INVALID, NULL, "a STUN message ends within an attribute");
		if (!read_attribute(&field, &reader))
			return nx_fail(error, NX_INVALID, NULL, "STUN attribute 0x%04x does not fit",
				       field.type);
	}
	reader.message.mapped = reader.xor_mapped.port ? reader.xor_mapped : reader.mapped;
	*out = reader.message;
	return NX_OK;
}

/* --- writing ------------------------------------------------------------------------------ */

static size_t write_header(uint16_t type, const struct nx_stun_transaction *transaction, uint8_t *out)
{
	write_u16(out, type);
	write_u32(out + AT_COOKIE, MAGIC_COOKIE);
	memcpy(out + AT_TRANSACTION, transaction->bytes, sizeof(transaction->bytes));
	return NX_STUN_HEADER_BYTES;
}

/* Start an attribute whose value the caller fills in; answers where that goes. */
static uint8_t *write_attribute(uint8_t *out, size_t *length, uint16_t type, size_t value_length)
{
	uint8_t *start = out + *length;

	write_u16(start, type);
	write_u16(start + 2, (uint16_t)value_length);
	memset(start + ATTRIBUTE_HEADER_BYTES, 0, padded(value_length));
	*length += ATTRIBUTE_HEADER_BYTES + padded(value_length);
	return start + ATTRIBUTE_HEADER_BYTES;
}

/* The sum goes over the header as well, which counts the attribute that holds it (§14.7). */
static size_t write_end(uint8_t *out, size_t length)
{
	size_t before = length;
	uint8_t *value = write_attribute(out, &length, FINGERPRINT, FINGERPRINT_BYTES);

	write_u16(out + AT_LENGTH, (uint16_t)(length - NX_STUN_HEADER_BYTES));
	write_u32(value, fingerprint_of(out, before));
	return length;
}

size_t nx_stun_write_request(const struct nx_stun_transaction *transaction, uint8_t *out)
{
	return write_end(out, write_header(0x0001, transaction, out));
}

size_t nx_stun_write_success(const struct nx_stun_transaction *transaction, const struct nx_endpoint *mapped,
			     uint8_t *out)
{
	size_t length = write_header(0x0101, transaction, out);
	const uint8_t *mask = out + AT_COOKIE;
	uint8_t *value = write_attribute(out, &length, XOR_MAPPED_ADDRESS, 4u + mapped->address.length);

	value[1] = mapped->address.length == 4 ? FAMILY_IPV4 : FAMILY_IPV6;
	write_u16(value + 2, mapped->port ^ read_u16(mask));
	for (size_t i = 0; i < mapped->address.length; i++)
		value[4 + i] = mapped->address.bytes[i] ^ mask[i];
	value = write_attribute(out, &length, SOFTWARE, sizeof(software) - 1);
	memcpy(value, software, sizeof(software) - 1);
	return write_end(out, length);
}

size_t nx_stun_write_unknown(const struct nx_stun_message *request, uint8_t *out)
{
	static const char reason[] = "Unknown Attribute";
	size_t length = write_header(0x0111, &request->transaction, out);
	uint8_t *value = write_attribute(out, &length, ERROR_CODE, 4 + sizeof(reason) - 1);

	value[2] = UNKNOWN_ATTRIBUTE / 100;
	value[3] = UNKNOWN_ATTRIBUTE % 100;
	memcpy(value + 4, reason, sizeof(reason) - 1);
	value = write_attribute(out, &length, UNKNOWN_ATTRIBUTES, 2 * request->unknown_count);
	for (size_t i = 0; i < request->unknown_count; i++)
		write_u16(value + 2 * i, request->unknown[i]);
	return write_end(out, length);
}
