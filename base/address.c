/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define IPV4_BYTES 4
#define IPV6_BYTES 16
#define IPV6_GROUPS 8

static unsigned int bits_of(const struct nx_address *address)
{
	return 8u * address->length;
}

/* --- addresses -------------------------------------------------------------- */

bool nx_address_parse(const char *text, struct nx_address *out)
{
	struct nx_address address = {0};

	if (inet_pton(AF_INET, text, address.bytes) == 1)
		address.length = IPV4_BYTES;
	else if (inet_pton(AF_INET6, text, address.bytes) == 1)
		address.length = IPV6_BYTES;
	else
		return false;
	*out = address;
	return true;
}

struct run {
	size_t start;
	size_t length;
};

/* RFC 5952 §4.2: the longest run of zero groups, the first of equals, never a single one. */
static struct run longest_zero_run(const uint16_t groups[static IPV6_GROUPS], size_t count)
{
	struct run best = {.start = IPV6_GROUPS, .length = 1};

	for (size_t i = 0; i < count; i++) {
		struct run run = {.start = i};

		while (i < count && groups[i] == 0)
			i++;
		run.length = i - run.start;
		if (run.length > best.length)
			best = run;
	}
	return best;
}

/* RFC 5952 §5: ::ffff:0:0/96 ends in dotted decimal. */
static bool is_ipv4_mapped(const uint8_t bytes[static IPV6_BYTES])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(bytes, mapped, sizeof(mapped)) == 0;
}

static int format_ipv4(const uint8_t bytes[static IPV4_BYTES], char *text, size_t room)
{
	return snprintf(text, room, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static void format_ipv6(const uint8_t bytes[static IPV6_BYTES], char *text, size_t room)
{
	bool mapped = is_ipv4_mapped(bytes);
	size_t count = mapped ? IPV6_GROUPS - 2 : IPV6_GROUPS;
	uint16_t groups[IPV6_GROUPS];
	struct run zeros;
	size_t used = 0;

	for (size_t i = 0; i < IPV6_GROUPS; i++)
		groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	zeros = longest_zero_run(groups, count);
	for (size_t i = 0; i < count; i++) {
		if (i == zeros.start) {
			used += (size_t)snprintf(text + used, room - used, "::");
			i += zeros.length - 1;
			continue;
		}
		if (i > 0 && i != zeros.start + zeros.length)
			used += (size_t)snprintf(text + used, room - used, ":");
		used += (size_t)snprintf(text + used, room - used, "%x", groups[i]);
	}
	if (mapped) {
		used += (size_t)snprintf(text + used, room - used, ":");
		format_ipv4(bytes + 12, text + used, room - used);
	}
}

char *nx_address_format(const struct nx_address *address, char text[static NX_ADDRESS_TEXT])
{
	if (address->length == IPV4_BYTES)
		format_ipv4(address->bytes, text, NX_ADDRESS_TEXT);
	else if (address->length == IPV6_BYTES)
		format_ipv6(address->bytes, text, NX_ADDRESS_TEXT);
	else
		text[0] = '\0';
	return text;
}

int nx_address_compare(const struct nx_address *a, const struct nx_address *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->length);
}

struct nx_prefix nx_address_prefix(const struct nx_address *address)
{
	return (struct nx_prefix){.address = *address, .bits = (uint8_t)bits_of(address)};
}

/* --- numbers in prefixes and endpoints ---------------------------------------- */

/* Decimal digits alone, no leading zero, at most `maximum`. */
static bool parse_number(const char *text, unsigned int maximum, unsigned int *out)
{
	unsigned int number = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9')
			return false;
		number = number * 10 + (unsigned int)(*at - '0');
		if (number > maximum)
			return false;
	}
	*out = number;
	return true;
}

/* Parse the address that stands in the first `length` bytes of `text`. */
static bool parse_part(const char *text, size_t length, struct nx_address *out)
{
	char part[NX_ADDRESS_TEXT];

	if (length >= sizeof(part))
		return false;
	memcpy(part, text, length);
	part[length] = '\0';
	return nx_address_parse(part, out);
}

/* --- prefixes ------------------------------------------------------------------ */

bool nx_prefix_parse(const char *text, struct nx_prefix *out)
{
	const char *slash = strchr(text, '/');
	struct nx_prefix prefix;
	unsigned int bits;

	if (!slash || !parse_part(text, (size_t)(slash - text), &prefix.address) ||
	    !parse_number(slash + 1, bits_of(&prefix.address), &bits))
		return false;
	prefix.bits = (uint8_t)bits;
	*out = prefix;
	return true;
}

char *nx_prefix_format(const struct nx_prefix *prefix, char text[static NX_ADDRESS_TEXT])
{
	size_t used;

	nx_address_format(&prefix->address, text);
	used = strlen(text);
	if (used > 0)
		snprintf(text + used, NX_ADDRESS_TEXT - used, "/%u", prefix->bits);
	return text;
}

/* The network bits of byte `index` under a prefix length. */
static uint8_t byte_mask(unsigned int bits, unsigned int index)
{
	if (bits >= 8 * (index + 1))
		return 0xff;
	if (bits <= 8 * index)
		return 0;
	return (uint8_t)(0xff00u >> (bits - 8 * index));
}

struct nx_prefix nx_prefix_mask(const struct nx_prefix *prefix)
{
	struct nx_prefix masked = {.address.length = prefix->address.length, .bits = prefix->bits};

	for (unsigned int i = 0; i < masked.address.length && i < NX_ADDRESS_BYTES; i++)
		masked.address.bytes[i] = prefix->address.bytes[i] & byte_mask(prefix->bits, i);
	return masked;
}

static bool same_network(const struct nx_address *a, const struct nx_address *b, unsigned int bits)
{
	if (a->length != b->length || a->length == 0)
		return false;
	for (unsigned int i = 0; i < a->length && i < NX_ADDRESS_BYTES; i++) {
		if ((a->bytes[i] ^ b->bytes[i]) & byte_mask(bits, i))
			return false;
	}
	return true;
}

bool nx_prefix_contains(const struct nx_prefix *prefix, const struct nx_address *address)
{
	return same_network(&prefix->address, address, prefix->bits);
}

bool nx_prefix_overlaps(const struct nx_prefix *a, const struct nx_prefix *b)
{
	return same_network(&a->address, &b->address, a->bits < b->bits ? a->bits : b->bits);
}

int nx_prefix_compare(const struct nx_prefix *a, const struct nx_prefix *b)
{
	int order = nx_address_compare(&a->address, &b->address);

	return order ? order : a->bits - b->bits;
}

/* --- endpoints ------------------------------------------------------------------- */

/* Brackets stand around an IPv6 address and nothing else (RFC 3986 §3.2.2). */
bool nx_endpoint_parse(const char *text, struct nx_endpoint *out)
{
	const char *colon = strrchr(text, ':');
	const char *start = text;
	struct nx_endpoint endpoint;
	bool brackets = text[0] == '[';
	unsigned int port;
	size_t length;

	if (!colon)
		return false;
	length = (size_t)(colon - text);
	if (brackets) {
		if (length < 2 || text[length - 1] != ']')
			return false;
		start++;
		length -= 2;
	}
	if (!parse_part(start, length, &endpoint.address) ||
	    brackets != (endpoint.address.length == IPV6_BYTES) ||
	    !parse_number(colon + 1, UINT16_MAX, &port) || port == 0)
		return false;
	endpoint.port = (uint16_t)port;
	*out = endpoint;
	return true;
}

char *nx_endpoint_format(const struct nx_endpoint *endpoint, char text[static NX_ADDRESS_TEXT])
{
	char address[NX_ADDRESS_TEXT];

	nx_address_format(&endpoint->address, address);
	if (address[0] == '\0')
		text[0] = '\0';
	else if (endpoint->address.length == IPV6_BYTES)
		snprintf(text, NX_ADDRESS_TEXT, "[%.45s]:%u", address, endpoint->port);
	else
		snprintf(text, NX_ADDRESS_TEXT, "%.45s:%u", address, endpoint->port);
	return text;
}

int nx_endpoint_compare(const struct nx_endpoint *a, const struct nx_endpoint *b)
{
	int order = nx_address_compare(&a->address, &b->address);

	return order ? order : a->port - b->port;
}

bool nx_endpoint_from_sockaddr(const struct sockaddr *from, struct nx_endpoint *out)
{
	struct nx_endpoint endpoint = {0};

	if (from->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, from, sizeof(in));
		endpoint.address.length = IPV4_BYTES;
		memcpy(endpoint.address.bytes, &in.sin_addr, IPV4_BYTES);
		endpoint.port = ntohs(in.sin_port);
	} else if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, from, sizeof(in6));
		endpoint.address.length = IPV6_BYTES;
		memcpy(endpoint.address.bytes, &in6.sin6_addr, IPV6_BYTES);
		endpoint.port = ntohs(in6.sin6_port);
	} else {
		return false;
	}
	*out = endpoint;
	return true;
}

size_t nx_endpoint_to_sockaddr(const struct nx_endpoint *from, struct sockaddr_storage *out)
{
	if (from->address.length == IPV4_BYTES) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(from->port)};

		memcpy(&in.sin_addr, from->address.bytes, IPV4_BYTES);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	if (from->address.length == IPV6_BYTES) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(from->port)};

		memcpy(&in6.sin6_addr, from->address.bytes, IPV6_BYTES);
		memcpy(out, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

const struct nx_address_services nx_address_services = {
	.size = sizeof(struct nx_address_services),
	.address_parse = nx_address_parse,
	.address_format = nx_address_format,
	.prefix_parse = nx_prefix_parse,
	.prefix_format = nx_prefix_format,
	.prefix_mask = nx_prefix_mask,
	.prefix_contains = nx_prefix_contains,
	.prefix_overlaps = nx_prefix_overlaps,
	.endpoint_parse = nx_endpoint_parse,
	.endpoint_format = nx_endpoint_format,
	.address_compare = nx_address_compare,
};
