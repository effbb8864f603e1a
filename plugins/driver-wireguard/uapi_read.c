/* SPDX-License-Identifier: Apache-2.0 */
#include "uapi_read.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

/* Linux's MAX_ERRNO. */
#define LARGEST_ERRNO 4095

/* Decimal digits and nothing else. */
static bool number_read(const char *text, uint64_t most, uint64_t *out)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)*text - '0';

		if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value) || value > most)
			return false;
	}
	*out = value;
	return true;
}

static bool number16_read(const char *text, uint16_t *out)
{
	uint64_t value;

	if (!number_read(text, UINT16_MAX, &value))
		return false;
	*out = (uint16_t)value;
	return true;
}

static bool address_read(const char *text, struct nx_address *out)
{
	struct nx_address address = {0};

	if (inet_pton(AF_INET, text, address.bytes) == 1)
		address.length = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, text, address.bytes) == 1)
		address.length = sizeof(struct in6_addr);
	else
		return false;
	*out = address;
	return true;
}

/* "1.2.3.4:51820", "[2001:db8::1]:51820" or "[fe80::1%eth0]:51820", whose zone is left out. */
static bool endpoint_read(char *text, struct nx_endpoint *out)
{
	struct nx_endpoint endpoint = {0};
	char *colon = strrchr(text, ':');
	char *zone;

	if (!colon || !number16_read(colon + 1, &endpoint.port))
		return false;
	*colon = '\0';
	if (*text == '[') {
		if (colon[-1] != ']')
			return false;
		colon[-1] = '\0';
		text++;
		zone = strchr(text, '%');
		if (zone)
			*zone = '\0';
	}
	if (!address_read(text, &endpoint.address))
		return false;
	*out = endpoint;
	return true;
}

static bool prefix_read(char *text, struct nx_prefix *out)
{
	struct nx_prefix prefix = {0};
	char *slash = strchr(text, '/');
	uint64_t bits;

	if (!slash)
		return false;
	*slash = '\0';
	if (!address_read(text, &prefix.address) ||
	    !number_read(slash + 1, UINT64_C(8) * prefix.address.length, &bits))
		return false;
	prefix.bits = (uint8_t)bits;
	*out = prefix;
	return true;
}

static bool private_key_line(struct wg_device *device, char *value)
{
	struct wg_key key WG_AUTO_WIPE = {0};

	if (!wg_key_parse_hex(value, &key))
		return false;
	device->has_key = !wg_key_is_zero(&key);
	if (device->has_key)
		wg_key_public(&key, &device->public_key);
	return true;
}

static bool listen_port_line(struct wg_device *device, char *value)
{
	return number16_read(value, &device->listen_port);
}

static bool public_key_line(struct wg_device *device, char *value)
{
	struct wg_key key;

	return wg_key_parse_hex(value, &key) && wg_device_peer(device, &key);
}

static bool endpoint_line(struct wg_peer *peer, char *value)
{
	return endpoint_read(value, &peer->endpoint);
}

static bool keepalive_line(struct wg_peer *peer, char *value)
{
	return number16_read(value, &peer->keepalive_seconds);
}

static bool handshake_line(struct wg_peer *peer, char *value)
{
	uint64_t seconds;

	if (!number_read(value, INT64_MAX, &seconds))
		return false;
	peer->last_handshake = (int64_t)seconds;
	return true;
}

static bool received_line(struct wg_peer *peer, char *value)
{
	return number_read(value, UINT64_MAX, &peer->received_bytes);
}

static bool sent_line(struct wg_peer *peer, char *value)
{
	return number_read(value, UINT64_MAX, &peer->sent_bytes);
}

static bool allowed_ip_line(struct wg_peer *peer, char *value)
{
	struct nx_prefix prefix;

	return prefix_read(value, &prefix) && wg_peer_allow(peer, &prefix);
}

/* Keys that are not in the table are of no use here, or of a newer protocol. */
static const struct {
	const char *key;
	bool (*of_device)(struct wg_device *device, char *value);
	bool (*of_peer)(struct wg_peer *peer, char *value);
} lines[] = {
	{"private_key", private_key_line, NULL},
	{"listen_port", listen_port_line, NULL},
	{"public_key", public_key_line, NULL},
	{"endpoint", NULL, endpoint_line},
	{"persistent_keepalive_interval", NULL, keepalive_line},
	{"last_handshake_time_sec", NULL, handshake_line},
	{"rx_bytes", NULL, received_line},
	{"tx_bytes", NULL, sent_line},
	{"allowed_ip", NULL, allowed_ip_line},
};

static bool device_line(struct wg_device *device, const char *key, char *value)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strcmp(lines[i].key, key) != 0)
			continue;
		if (lines[i].of_device)
			return lines[i].of_device(device, value);
		return device->peer_count && lines[i].of_peer(&device->peers[device->peer_count - 1], value);
	}
	return true;
}

/* wireguard-go writes "errno=-98", other implementations "errno=98". */
static bool errno_line(struct wg_uapi_reader *reader, const char *value)
{
	uint64_t code;

	if (!number_read(*value == '-' ? value + 1 : value, LARGEST_ERRNO, &code))
		return false;
	reader->has_code = true;
	reader->code = (int)code;
	return true;
}

static bool line_read(struct wg_uapi_reader *reader)
{
	char *value = strchr(reader->line, '=');

	if (!value || strlen(reader->line) != reader->length || reader->has_code)
		return false;
	*value++ = '\0';
	if (!strcmp(reader->line, "errno"))
		return errno_line(reader, value);
	return reader->device && device_line(reader->device, reader->line, value);
}

static enum wg_uapi_state character_read(struct wg_uapi_reader *reader, char character)
{
	bool sound;

	if (reader->state == WG_UAPI_DONE)
		return WG_UAPI_GARBAGE; /* something after the end */
	if (character != '\n') {
		if (reader->length == sizeof(reader->line) - 1)
			return WG_UAPI_GARBAGE;
		reader->line[reader->length++] = character;
		return WG_UAPI_MORE;
	}
	if (!reader->length)
		return reader->has_code ? WG_UAPI_DONE : WG_UAPI_GARBAGE;
	reader->line[reader->length] = '\0';
	sound = line_read(reader);
	reader->length = 0;
	return sound ? WG_UAPI_MORE : WG_UAPI_GARBAGE;
}

void wg_uapi_reader_start(struct wg_uapi_reader *reader, struct wg_device *device)
{
	memset(reader, 0, sizeof(*reader));
	reader->device = device;
}

void wg_uapi_reader_wipe(struct wg_uapi_reader *reader)
{
	sodium_memzero(reader, sizeof(*reader));
}

enum wg_uapi_state wg_uapi_reader_feed(struct wg_uapi_reader *reader, const char *data, size_t length)
{
	reader->total += length;
	if (reader->total > WG_UAPI_ANSWER)
		reader->state = WG_UAPI_GARBAGE;
	for (size_t i = 0; i < length && reader->state != WG_UAPI_GARBAGE; i++)
		reader->state = character_read(reader, data[i]);
	return reader->state;
}
