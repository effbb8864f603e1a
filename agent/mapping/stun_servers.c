/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mapping/stun_servers.h"

#include <stdlib.h>
#include <string.h>

#include "agent/session/client.h"
#include "base/address.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/stun.h"

#define SEPARATORS ", \t"
#define HOST_LIMIT 253u /* of a name in the DNS, as text */
#define ANSWER_FILE "stun.json"
#define ANSWER_FILE_LIMIT 16384u

/* --- one server ---------------------------------------------------------------------------- */

static bool port_fit(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= 5 && strspn(text, "0123456789") == length && text[0] != '0' &&
	       strtoul(text, NULL, 10) <= UINT16_MAX;
}

static bool name_fit(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= HOST_LIMIT &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

/* An address with a colon in it needs brackets before a port, and may have them without one. */
static bool bracketed_fit(const char *host)
{
	size_t length = strlen(host);
	char text[NX_ADDRESS_TEXT];
	struct nx_address address;

	if (length < 4 || length >= sizeof(text) || host[0] != '[' || host[length - 1] != ']')
		return false;
	memcpy(text, host + 1, length - 2);
	text[length - 2] = '\0';
	return nx_address_parse(text, &address) && strchr(text, ':');
}

/* Is there a port at the end? Brackets may hold colons that begin none. */
static const char *port_find(const char *item)
{
	const char *colon = strrchr(item, ':');
	const char *bracket = strrchr(item, ']');

	return colon && colon > bracket ? colon : NULL;
}

/* The item in full, the caller's to free(); NULL when it cannot be. */
static char *server_read(const char *item, const char *own_host)
{
	struct nx_address address;
	const char *colon = port_find(item);
	NX_AUTO_FREE char *host = NULL;

	if (nx_address_parse(item, &address) && strchr(item, ':'))
		return nx_printf("[%s]:%u", item, NX_STUN_PORT);
	host = colon ? nx_printf("%.*s", (int)(colon - item), item) : nx_strdup(item);
	if (!*host && own_host) {
		free(host);
		host = nx_strdup(own_host);
	}
	if ((!name_fit(host) && !bracketed_fit(host)) || (colon && !port_fit(colon + 1)))
		return NULL;
	return colon ? nx_printf("%s%s", host, colon) : nx_printf("%s:%u", host, NX_STUN_PORT);
}

/* --- lists ----------------------------------------------------------------------------------- */

void nx_stun_servers_release(struct nx_stun_servers *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		free(servers->items[i]);
	*servers = (struct nx_stun_servers){0};
}

static enum nx_status item_add(struct nx_stun_servers *servers, const char *key, const char *item,
			       struct nx_error *error)
{
	if (servers->count >= NX_MAPPING_SERVERS_LIMIT)
		return nx_fail(error, NX_INVALID, key, "%s: more than %d servers", key,
			       NX_MAPPING_SERVERS_LIMIT);
	servers->items[servers->count] = server_read(item, NULL);
	if (!servers->items[servers->count])
		return nx_fail(
			error, NX_INVALID, key,
			"%s: \"%s\" is not a server, such as stun.example.com:3478 or [2001:db8::1]:3478",
			key, item);
	servers->count++;
	return NX_OK;
}

enum nx_status nx_stun_servers_parse(const char *text, const char *key, struct nx_stun_servers *out,
				     struct nx_error *error)
{
	NX_AUTO_FREE char *copy = nx_strdup(text);
	struct nx_stun_servers servers = {0};
	enum nx_status status = NX_OK;
	char *rest = NULL;

	if (strcmp(text, "none") != 0) {
		for (char *item = strtok_r(copy, SEPARATORS, &rest); item && status == NX_OK;
		     item = strtok_r(NULL, SEPARATORS, &rest))
			status = item_add(&servers, key, item, error);
	}
	if (status == NX_OK)
		*out = servers;
	else
		nx_stun_servers_release(&servers);
	return status;
}

enum nx_status nx_stun_servers_read(const char *json, size_t length, const char *service_url,
				    struct nx_stun_servers *out, struct nx_error *error)
{
	NX_AUTO_JSON struct nx_json *document = NULL;
	NX_AUTO_FREE char *own_host = nx_service_url_host(service_url);
	struct nx_stun_servers servers = {0};
	const struct nx_json *list;

	if (nx_json_parse(json, length, &document, NULL) != NX_OK ||
	    !(list = nx_json_member(document, "servers")) || nx_json_type(list) != NX_JSON_ARRAY)
		return nx_fail(error, NX_INVALID, NULL, "this is no list of STUN servers");
	for (const struct nx_json *item = nx_json_first(list);
	     item && servers.count < NX_MAPPING_SERVERS_LIMIT; item = nx_json_next(item)) {
		const char *text = nx_json_string(item);

		servers.items[servers.count] = text ? server_read(text, own_host) : NULL;
		servers.count += servers.items[servers.count] != NULL;
	}
	*out = servers;
	return NX_OK;
}

/* --- what is kept ------------------------------------------------------------------------------ */

static char *answer_load(const struct nx_state *state, size_t *length)
{
	NX_AUTO_FREE char *path = nx_state_path(state, ANSWER_FILE);
	char *text = NULL;

	/* It is a help, and no loss: what cannot be read is not known. */
	return nx_file_read(path, ANSWER_FILE_LIMIT, &text, length, NULL) == NX_OK ? text : NULL;
}

bool nx_stun_answer_restore(const struct nx_state *state, const char *service_url,
			    struct nx_stun_servers *out)
{
	size_t length;
	NX_AUTO_FREE char *text = answer_load(state, &length);

	return text && nx_stun_servers_read(text, length, service_url, out, NULL) == NX_OK;
}

enum nx_status nx_stun_answer_store(const struct nx_state *state, const char *json, size_t length,
				    struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_state_path(state, ANSWER_FILE);
	size_t kept_length;
	NX_AUTO_FREE char *kept = answer_load(state, &kept_length);

	if (length >= ANSWER_FILE_LIMIT)
		return nx_fail(error, NX_INVALID, NULL, "the list of STUN servers is too long");
	if (kept && kept_length == length && memcmp(kept, json, length) == 0)
		return NX_OK;
	return nx_file_write(path, json, length, 0600, error);
}
