/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/options_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/members.h"
#include "base/address.h"
#include "base/memory.h"

#define SEPARATORS ", \t"
#define PREFIXES_LIMIT 256u

/* Take items one by one; `take` judges an item and adds it. */
static enum nx_status
items_each(const char *text, enum nx_status (*take)(void *context, const char *item, struct nx_error *error),
	   void *context, struct nx_error *error)
{
	NX_AUTO_FREE char *copy = nx_strdup(text);
	char *rest = NULL;

	for (char *item = strtok_r(copy, SEPARATORS, &rest); item; item = strtok_r(NULL, SEPARATORS, &rest)) {
		enum nx_status status = take(context, item, error);

		if (status != NX_OK)
			return status;
	}
	return NX_OK;
}

/* --- endpoints and addresses -------------------------------------------------------------- */

struct endpoints {
	const char *key;
	bool ports;
	struct nx_endpoint *items;
	size_t count;
};

static bool endpoint_read(const struct endpoints *list, const char *item, struct nx_endpoint *out)
{
	*out = (struct nx_endpoint){0};
	if (nx_address_parse(item, &out->address))
		return true;
	return list->ports && nx_endpoint_parse(item, out) && out->port;
}

static enum nx_status endpoint_take(void *context, const char *item, struct nx_error *error)
{
	struct endpoints *list = context;
	struct nx_endpoint endpoint;

	if (!endpoint_read(list, item, &endpoint))
		return nx_fail(error, NX_INVALID, list->key, "%s: \"%s\" is not an address%s", list->key,
			       item, list->ports ? ", with or without a port" : "");
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].address.length == endpoint.address.length)
			return nx_fail(error, NX_INVALID, list->key,
				       "%s: \"%s\" is the second address of its family, and one is enough",
				       list->key, item);
	}
	list->items = nx_realloc_array(list->items, list->count + 1, sizeof(endpoint));
	list->items[list->count++] = endpoint;
	return NX_OK;
}

enum nx_status nx_endpoint_list(const char *text, const char *key, struct nx_endpoint **out, size_t *count,
				struct nx_error *error)
{
	struct endpoints list = {.key = key, .ports = true, .items = *out, .count = *count};
	enum nx_status status = items_each(text, endpoint_take, &list, error);

	*out = list.items;
	*count = list.count;
	return status;
}

enum nx_status nx_address_list(const char *text, const char *key, struct nx_address **out, size_t *count,
			       struct nx_error *error)
{
	struct endpoints list = {.key = key};
	enum nx_status status = items_each(text, endpoint_take, &list, error);

	*out = nx_realloc_array(*out, *count + list.count + 1, sizeof(**out));
	for (size_t i = 0; i < list.count; i++)
		(*out)[(*count)++] = list.items[i].address;
	free(list.items);
	return status;
}

/* --- prefixes --------------------------------------------------------------------------------- */

struct prefixes {
	const char *key;
	struct nx_prefix *items;
	size_t count;
};

/* "200:/64" lacks a colon: what would be right with one more? */
static bool prefix_guess(const char *item, char guess[static NX_ADDRESS_TEXT])
{
	const char *slash = strchr(item, '/');
	struct nx_prefix parsed;
	char text[NX_ADDRESS_TEXT];

	if (!slash || strlen(item) + 2 > sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s:%s", (int)(slash - item), item, slash);
	if (!nx_prefix_parse(text, &parsed))
		return false;
	nx_prefix_format(&parsed, guess);
	return true;
}

static enum nx_status prefix_read(const struct prefixes *list, const char *item, struct nx_prefix *out,
				  struct nx_error *error)
{
	char guess[NX_ADDRESS_TEXT];
	struct nx_prefix masked;

	if (!nx_prefix_parse(item, out)) {
		if (prefix_guess(item, guess))
			return nx_fail(error, NX_INVALID, list->key,
				       "%s: \"%s\" is not a prefix, did you mean %s?", list->key, item,
				       guess);
		return nx_fail(error, NX_INVALID, list->key,
			       "%s: \"%s\" is not a prefix, such as 192.0.2.0/24", list->key, item);
	}
	masked = nx_prefix_mask(out);
	if (nx_prefix_compare(&masked, out) != 0)
		return nx_fail(error, NX_INVALID, list->key,
			       "%s: \"%s\" is an address in a prefix, did you mean %s?", list->key, item,
			       nx_prefix_format(&masked, guess));
	if (out->bits < NX_CHILD_BITS_MINIMUM)
		return nx_fail(
			error, NX_INVALID, list->key,
			"%s: \"%s\": a default route cannot be advertised, nor much of one: /%u or longer is "
			"needed",
			list->key, item, NX_CHILD_BITS_MINIMUM);
	return NX_OK;
}

static enum nx_status prefix_take(void *context, const char *item, struct nx_error *error)
{
	struct prefixes *list = context;
	struct nx_prefix prefix;
	enum nx_status status = prefix_read(list, item, &prefix, error);
	size_t at = 0;

	if (status != NX_OK)
		return status;
	while (at < list->count && nx_prefix_compare(&list->items[at], &prefix) < 0)
		at++;
	if (at < list->count && nx_prefix_compare(&list->items[at], &prefix) == 0)
		return NX_OK;
	if (list->count >= PREFIXES_LIMIT)
		return nx_fail(error, NX_INVALID, list->key, "%s: more than %u prefixes", list->key,
			       PREFIXES_LIMIT);
	list->items = nx_realloc_array(list->items, list->count + 1, sizeof(prefix));
	memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof(prefix));
	list->items[at] = prefix;
	list->count++;
	return NX_OK;
}

enum nx_status nx_prefix_list(const char *text, const char *key, struct nx_prefix **out, size_t *count,
			      struct nx_error *error)
{
	struct prefixes list = {.key = key, .items = *out, .count = *count};
	enum nx_status status = items_each(text, prefix_take, &list, error);

	*out = list.items;
	*count = list.count;
	return status;
}
