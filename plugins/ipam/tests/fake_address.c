/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/tests/fake_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"

static bool address_parse(const char *text, struct nx_address *out)
{
	struct nx_address address = {.length = strchr(text, ':') ? 16 : 4};

	if (inet_pton(address.length == 4 ? AF_INET : AF_INET6, text, address.bytes) != 1)
		return false;
	*out = address;
	return true;
}

static char *address_format(const struct nx_address *address, char text[static NX_ADDRESS_TEXT])
{
	text[0] = '\0';
	if (address->length)
		inet_ntop(address->length == 4 ? AF_INET : AF_INET6, address->bytes, text, NX_ADDRESS_TEXT);
	return text;
}

static bool prefix_parse(const char *text, struct nx_prefix *out)
{
	char part[NX_ADDRESS_TEXT], *end;
	const char *slash = strchr(text, '/');
	struct nx_prefix prefix;

	if (!slash || slash - text >= NX_ADDRESS_TEXT || slash[1] < '0' || slash[1] > '9')
		return false;
	snprintf(part, sizeof(part), "%.*s", (int)(slash - text), text);
	unsigned long bits = strtoul(slash + 1, &end, 10);
	if (*end || !address_parse(part, &prefix.address) || bits > 8ul * prefix.address.length)
		return false;
	prefix.bits = (uint8_t)bits;
	*out = prefix;
	return true;
}

static char *prefix_format(const struct nx_prefix *prefix, char text[static NX_ADDRESS_TEXT])
{
	address_format(&prefix->address, text);
	size_t length = strlen(text);
	snprintf(text + length, NX_ADDRESS_TEXT - length, "/%u", prefix->bits);
	return text;
}

static bool bit(const struct nx_address *address, unsigned place)
{
	return address->bytes[place / 8] >> (7 - place % 8) & 1;
}

static struct nx_prefix prefix_mask(const struct nx_prefix *prefix)
{
	struct nx_prefix masked = *prefix;

	for (unsigned i = prefix->bits; i < prefix->address.length * 8u; i++)
		masked.address.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return masked;
}

static bool prefix_contains(const struct nx_prefix *prefix, const struct nx_address *address)
{
	if (prefix->address.length != address->length)
		return false;
	for (unsigned i = 0; i < prefix->bits; i++) {
		if (bit(&prefix->address, i) != bit(address, i))
			return false;
	}
	return true;
}

static bool prefix_overlaps(const struct nx_prefix *a, const struct nx_prefix *b)
{
	return prefix_contains(a->bits < b->bits ? a : b, a->bits < b->bits ? &b->address : &a->address);
}

static bool endpoint_parse(const char *text, struct nx_endpoint *out)
{
	char part[NX_ADDRESS_TEXT];
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	struct nx_endpoint endpoint;

	if (!colon || colon - text >= NX_ADDRESS_TEXT || (bracket && colon[-1] != ']'))
		return false;
	snprintf(part, sizeof(part), "%.*s", (int)(colon - text) - 2 * bracket, text + bracket);
	long port = strtol(colon + 1, NULL, 10);
	if (port < 1 || port > UINT16_MAX || !address_parse(part, &endpoint.address) ||
	    (endpoint.address.length == 16) != bracket)
		return false;
	endpoint.port = (uint16_t)port;
	*out = endpoint;
	return true;
}

static char *endpoint_format(const struct nx_endpoint *endpoint, char text[static NX_ADDRESS_TEXT])
{
	char address[NX_ADDRESS_TEXT];
	bool bracket = endpoint->address.length == 16;

	address_format(&endpoint->address, address);
	snprintf(text, NX_ADDRESS_TEXT, "%s%.45s%s:%u", bracket ? "[" : "", address, bracket ? "]" : "",
		 endpoint->port);
	return text;
}

static int address_compare(const struct nx_address *a, const struct nx_address *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->length);
}

const struct nx_address_services fake_address_services = {
	.size = sizeof(fake_address_services),
	.address_parse = address_parse,
	.address_format = address_format,
	.prefix_parse = prefix_parse,
	.prefix_format = prefix_format,
	.prefix_mask = prefix_mask,
	.prefix_contains = prefix_contains,
	.prefix_overlaps = prefix_overlaps,
	.endpoint_parse = endpoint_parse,
	.endpoint_format = endpoint_format,
	.address_compare = address_compare,
};

static void parsed(bool done, const char *text)
{
	if (done)
		return;
	fprintf(stderr, "the test is wrong: %s\n", text);
	abort();
}

struct nx_address fake_address(const char *text)
{
	struct nx_address address = {0};

	parsed(address_parse(text, &address), text);
	return address;
}

struct nx_prefix fake_prefix(const char *text)
{
	struct nx_prefix prefix = {0};

	parsed(prefix_parse(text, &prefix), text);
	return prefix;
}

struct nx_endpoint fake_endpoint(const char *text)
{
	struct nx_endpoint endpoint = {0};

	parsed(endpoint_parse(text, &endpoint), text);
	return endpoint;
}
