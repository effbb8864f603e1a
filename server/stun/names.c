/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stun/names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/memory.h"

#define SEPARATORS ", \t"
#define HOST_LIMIT 253 /* RFC 1035 §2.3.4, as text */
/* Room for more than any valid item, so that one that was cut is never valid. */
#define ITEM_ROOM 280

/* The next item of the list, moved past; false at its end. */
static bool next_item(const char **list, char item[static ITEM_ROOM])
{
	const char *start = *list + strspn(*list, SEPARATORS);
	size_t length = strcspn(start, SEPARATORS);

	*list = start + length;
	snprintf(item, ITEM_ROOM, "%.*s", (int)(length < ITEM_ROOM ? length : ITEM_ROOM - 1), start);
	return length > 0;
}

/* Letters, digits and inner hyphens (RFC 1123 §2.1); underscores, since some networks have them. */
static bool is_label(const char *text, size_t length)
{
	if (length == 0 || length > 63 || text[0] == '-' || text[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	}
	return true;
}

static bool is_name(const char *text)
{
	const char *label = text;
	size_t length;

	if (strlen(text) > HOST_LIMIT)
		return false;
	for (;; label += length + 1) {
		length = strcspn(label, ".");
		if (!is_label(label, length))
			return false;
		if (!label[length] || !label[length + 1])
			break;
	}
	/* a last label of digits would be an address, and none that is right */
	return strspn(label, "0123456789") != length;
}

static bool is_host(const char *text)
{
	struct nx_address address;

	return nx_address_parse(text, &address) || is_name(text);
}

static bool is_port(const char *text)
{
	size_t length = strspn(text, "0123456789");
	unsigned long port;

	if (length == 0 || length > 5 || text[length] || text[0] == '0')
		return false;
	port = strtoul(text, NULL, 10);
	return port <= UINT16_MAX;
}

static bool is_server(char *text)
{
	struct nx_endpoint endpoint;
	char *colon = strrchr(text, ':');
	bool good;

	if (nx_endpoint_parse(text, &endpoint))
		return true;
	if (!colon || !is_port(colon + 1))
		return false;
	*colon = '\0';
	good = is_name(text);
	*colon = ':';
	return good;
}

enum nx_status nx_stun_hosts_check(const char *list, struct nx_error *error)
{
	char item[ITEM_ROOM];
	size_t count = 0;

	while (next_item(&list, item)) {
		if (!is_host(item))
			return nx_fail(error, NX_INVALID, "advertise",
				       "stun.advertise: \"%.80s\" is no host name or address: write "
				       "stun.example.com, 192.0.2.1 or 2001:db8::1, without a port",
				       item);
		if (++count > NX_STUN_NAMES_LIMIT)
			return nx_fail(error, NX_INVALID, "advertise", "stun.advertise: more than %d hosts",
				       NX_STUN_NAMES_LIMIT);
	}
	return NX_OK;
}

enum nx_status nx_stun_servers_check(const char *list, struct nx_error *error)
{
	char item[ITEM_ROOM];
	size_t count = 0;

	while (next_item(&list, item)) {
		if (!is_server(item))
			return nx_fail(error, NX_INVALID, "servers",
				       "stun.servers: \"%.80s\" is no host and port: write "
				       "stun.example.com:3478, 192.0.2.1:3478 or [2001:db8::1]:3478",
				       item);
		if (++count > NX_STUN_NAMES_LIMIT)
			return nx_fail(error, NX_INVALID, "servers", "stun.servers: more than %d servers",
				       NX_STUN_NAMES_LIMIT);
	}
	return NX_OK;
}

static void server_write(struct nx_buffer *out, const char *text)
{
	nx_buffer_text(out, out->data[out->length - 1] == '[' ? "" : ",");
	nx_json_write_string(out, text);
}

static void own_write(const struct nx_stun_names *names, const char *host, struct nx_buffer *out)
{
	bool bracketed = strchr(host, ':') != NULL;

	for (size_t i = 0; i < NX_COUNT(names->port); i++) {
		char text[ITEM_ROOM + sizeof("[]:65535")];

		if (names->port[i] == 0)
			continue;
		snprintf(text, sizeof(text), "%s%s%s:%u", bracketed ? "[" : "", host, bracketed ? "]" : "",
			 (unsigned)names->port[i]);
		server_write(out, text);
	}
}

void nx_stun_names_write(const struct nx_stun_names *names, struct nx_buffer *out)
{
	const char *hosts = names->hosts;
	const char *servers = names->servers;
	char item[ITEM_ROOM] = "";

	nx_buffer_text(out, "{\"servers\":[");
	/* without a name of our own the host stays empty */
	next_item(&hosts, item);
	do
		own_write(names, item, out);
	while (next_item(&hosts, item));
	while (next_item(&servers, item))
		server_write(out, item);
	nx_buffer_text(out, "]}");
}
