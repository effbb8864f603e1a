/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stun/options.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "base/stun.h"
#include "server/options.h"
#include "server/stun/names.h"
#include "server/stun/stun.h"

#define SEPARATORS ", \t"
#define PORT_MAXIMUM 65535

static const struct nx_config_key keys[] = {
	{
		.name = "enabled",
		.type = NX_CONFIG_BOOLEAN,
		.fallback = "true",
		.summary = "Answer STUN requests on UDP, so that hosts learn the address their NAT gives "
			   "them",
	},
	{
		.name = "listen",
		.type = NX_CONFIG_STRING,
		.fallback = "",
		.summary = "Addresses to answer on, several separated by commas (default: those of the "
			   "HTTP service)",
	},
	{
		.name = "port",
		.type = NX_CONFIG_INTEGER,
		.fallback = "3478",
		.minimum = 0,
		.maximum = PORT_MAXIMUM,
		.summary = "UDP port to answer on; 0 lets the system choose",
	},
	{
		.name = "alternate-port",
		.type = NX_CONFIG_INTEGER,
		.fallback = "3479",
		.minimum = 0,
		.maximum = PORT_MAXIMUM,
		.summary = "Second UDP port, by which hosts tell symmetric NAT; 0 lets the system choose",
	},
	{
		.name = "advertise",
		.type = NX_CONFIG_STRING,
		.fallback = "",
		.reloadable = true,
		.summary = "Host names or addresses that agents ask, several separated by commas (default: "
			   "the host of their service URL)",
	},
	{
		.name = "servers",
		.type = NX_CONFIG_STRING,
		.fallback = "",
		.reloadable = true,
		.summary = "Further STUN servers for agents, as host:port, several separated by commas",
	},
};

const struct nx_table nx_stun_config_keys = NX_TABLE(keys);

static bool is_any(const struct nx_address *address)
{
	static const struct nx_address zero;

	return memcmp(address->bytes, zero.bytes, address->length) == 0;
}

/* Does binding `wide` leave no room for `address`? */
static bool holds(const struct nx_address *wide, const struct nx_address *address)
{
	return wide->length == address->length && (is_any(wide) || nx_address_compare(wide, address) == 0);
}

static bool address_add(struct nx_stun_options *options, const struct nx_address *address)
{
	size_t kept = 0;

	for (size_t i = 0; i < options->address_count; i++) {
		if (holds(&options->address[i], address))
			return true;
	}
	for (size_t i = 0; i < options->address_count; i++) {
		if (!holds(address, &options->address[i]))
			options->address[kept++] = options->address[i];
	}
	options->address_count = kept;
	if (kept == NX_STUN_ADDRESSES)
		return false;
	options->address[options->address_count++] = *address;
	return true;
}

/* "192.0.2.1", "2001:db8::1" and "[2001:db8::1]"; with a port, which is left out, when `cut_port`. */
static bool address_read(const char *item, size_t length, bool cut_port, struct nx_address *out)
{
	char text[NX_ADDRESS_TEXT];
	char *start = text;
	size_t end;

	if (length >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)length, item);
	if (cut_port && strrchr(text, ':'))
		*strrchr(text, ':') = '\0';
	end = strlen(text);
	if (end > 2 && text[0] == '[' && text[end - 1] == ']') {
		text[end - 1] = '\0';
		start++;
	}
	return nx_address_parse(start, out);
}

static enum nx_status addresses_read(const char *list, bool cut_port, struct nx_stun_options *out,
				     struct nx_error *error)
{
	for (list += strspn(list, SEPARATORS); *list; list += strspn(list, SEPARATORS)) {
		size_t length = strcspn(list, SEPARATORS);
		struct nx_address address;

		if (!address_read(list, length, cut_port, &address))
			return nx_fail(error, NX_INVALID, "listen",
				       "stun.listen: \"%.*s\" is no address: write 0.0.0.0 or 192.0.2.1, :: "
				       "or 2001:db8::1, without a port",
				       (int)(length < 80 ? length : 80), list);
		if (!address_add(out, &address))
			return nx_fail(error, NX_INVALID, "listen", "stun.listen: more than %d addresses",
				       NX_STUN_ADDRESSES);
		list += length;
	}
	return NX_OK;
}

static bool is_written(const struct nx_config *config, const char *key)
{
	return strcmp(nx_config_source(config, NX_STUN_SECTION, key), "default") != 0;
}

static enum nx_status ports_check(const struct nx_stun_options *options, struct nx_error *error)
{
	if (options->port == 0 || options->port != options->alternate_port)
		return NX_OK;
	return nx_fail(error, NX_INVALID, "alternate-port",
		       "stun.port and stun.alternate-port are both %u: hosts tell the kind of their NAT by "
		       "asking two different ports",
		       (unsigned)options->port);
}

enum nx_status nx_stun_options_read(const struct nx_config *config, struct nx_stun_options *out,
				    struct nx_error *error)
{
	const char *listen = nx_config_string(config, NX_STUN_SECTION, "listen");
	const char *service = nx_config_string(config, NX_OPTIONS_SECTION, "listen");
	bool of_service = listen[strspn(listen, SEPARATORS)] == '\0';
	struct nx_stun_options options = {
		.enabled = nx_config_boolean(config, NX_STUN_SECTION, "enabled"),
		.insistent = is_written(config, "enabled") || is_written(config, "listen") ||
			     is_written(config, "port") || is_written(config, "alternate-port"),
		.port = (uint16_t)nx_config_integer(config, NX_STUN_SECTION, "port"),
		.alternate_port = (uint16_t)nx_config_integer(config, NX_STUN_SECTION, "alternate-port"),
		.advertise = nx_config_string(config, NX_STUN_SECTION, "advertise"),
		.servers = nx_config_string(config, NX_STUN_SECTION, "servers"),
	};
	enum nx_status status = addresses_read(of_service ? service : listen, of_service, &options, error);

	if (status == NX_OK)
		status = ports_check(&options, error);
	if (status == NX_OK)
		status = nx_stun_hosts_check(options.advertise, error);
	if (status == NX_OK)
		status = nx_stun_servers_check(options.servers, error);
	if (status == NX_OK)
		*out = options;
	return status;
}
