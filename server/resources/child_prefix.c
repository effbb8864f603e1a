/* SPDX-License-Identifier: Apache-2.0 */
/* Child prefixes: the networks behind a device, which it routes for the others. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/resources/device.h"
#include "server/resources/value.h"

#define FIELD "child_prefix"

/* What was meant by an address left unfinished: "10.1/16" is 10.1.0.0/16, "fd00:/48" is fd00::/48. */
static bool prefix_guess(const char *text, struct nx_prefix *out)
{
	static const char *const endings[] = {".0", ".0.0", ".0.0.0", ":", "::"};
	const char *slash = strchr(text, '/');
	char whole[NX_ADDRESS_TEXT];

	if (!slash || slash == text || slash - text >= NX_ADDRESS_TEXT)
		return false;
	for (size_t i = 0; i < NX_COUNT(endings); i++) {
		int length = snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(slash - text), text, endings[i],
				      slash);

		if (length < (int)sizeof(whole) && nx_prefix_parse(whole, out))
			return out->bits >= NX_CHILD_BITS_MINIMUM;
	}
	return false;
}

static enum nx_status unparsable(const char *text, struct nx_error *error)
{
	struct nx_prefix guess;
	char right[NX_ADDRESS_TEXT];

	if (!prefix_guess(text, &guess))
		return nx_fail(error, NX_INVALID, FIELD, "'%.80s' is no prefix: expected address/length",
			       text);
	guess = nx_prefix_mask(&guess);
	return nx_fail(error, NX_INVALID, FIELD, "'%.80s' is no prefix: did you mean %s?", text,
		       nx_prefix_format(&guess, right));
}

/* What only the family itself knows: link-local networks, for one, are nobody's but the link's. */
static enum nx_status family_judge(const struct nx_fields *fields, const char *text,
				   const struct nx_prefix *prefix, struct nx_prefix *out,
				   struct nx_error *error)
{
	const struct nx_family *family = nx_family_of(fields, &prefix->address);
	struct nx_prefix network = nx_prefix_mask(prefix);
	struct nx_error why = {0};
	enum nx_status status;

	if (!family)
		return nx_fail(error, NX_INVALID, FIELD, "%.80s: this server has no addresses of that family",
			       text);
	status = family->ops->network_check(family->instance, &network, &why);
	if (status != NX_OK)
		return nx_fail(error, status, FIELD, "%s", why.message);
	*out = network;
	return NX_OK;
}

static enum nx_status prefix_read(const struct nx_fields *fields, const struct nx_json *value,
				  struct nx_prefix *out, struct nx_error *error)
{
	const char *text = nx_json_string(value);
	struct nx_prefix prefix;

	if (!text)
		return nx_fail(error, NX_INVALID, FIELD, "expected a list of strings");
	if (!nx_text_printable(text))
		return nx_fail(error, NX_INVALID, FIELD, "holds control characters");
	if (!nx_prefix_parse(text, &prefix))
		return unparsable(text, error);
	if (prefix.bits < NX_CHILD_BITS_MINIMUM)
		return nx_fail(
			error, NX_INVALID, FIELD,
			"%.80s would take all traffic or much of it: advertise the networks behind the "
			"host, /%d or longer",
			text, NX_CHILD_BITS_MINIMUM);
	return family_judge(fields, text, &prefix, out, error);
}

static enum nx_status overlap(const struct nx_prefix *mine, const struct nx_prefix *other, const char *whose,
			      struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT], other_text[NX_ADDRESS_TEXT];

	return nx_fail(error, NX_INVALID, FIELD, "%s overlaps %s, %s", nx_prefix_format(mine, text),
		       nx_prefix_format(other, other_text), whose);
}

static enum nx_status list_add(const struct nx_fields *fields, const struct nx_json *value,
			       struct nx_child_prefixes *list, struct nx_error *error)
{
	struct nx_prefix prefix;
	enum nx_status status = prefix_read(fields, value, &prefix, error);

	if (status != NX_OK)
		return status;
	if (list->count == NX_CHILD_PREFIX_LIMIT)
		return nx_fail(error, NX_INVALID, FIELD, "more than %d prefixes", NX_CHILD_PREFIX_LIMIT);
	for (size_t i = 0; i < list->count; i++) {
		if (nx_prefix_overlaps(&list->prefix[i], &prefix))
			return overlap(&prefix, &list->prefix[i], "which stands in the list as well", error);
	}
	list->prefix[list->count++] = prefix;
	return NX_OK;
}

static const char *list_text(struct nx_request *request, const struct nx_child_prefixes *list)
{
	struct nx_buffer text = {0};
	char prefix[NX_ADDRESS_TEXT];
	char *kept;

	nx_buffer_text(&text, "[");
	for (size_t i = 0; i < list->count; i++)
		nx_buffer_printf(&text, "%s\"%s\"", i ? "," : "", nx_prefix_format(&list->prefix[i], prefix));
	nx_buffer_text(&text, "]");
	kept = nx_request_alloc(request, text.length + 1);
	memcpy(kept, text.data, text.length);
	nx_buffer_free(&text);
	return kept;
}

enum nx_status nx_child_prefixes_read(struct nx_request *request, const struct nx_json *body,
				      struct nx_child_prefixes *out, struct nx_error *error)
{
	const struct nx_fields *fields = nx_request_server(request)->fields;
	const struct nx_json *value = nx_json_member(body, FIELD);
	enum nx_json_type type = value ? nx_json_type(value) : NX_JSON_NULL;

	out->given = value != NULL;
	out->text = "null";
	if (type == NX_JSON_NULL)
		return NX_OK;
	if (type != NX_JSON_ARRAY)
		return nx_fail(error, NX_INVALID, FIELD, "expected a list of prefixes, or null");
	for (const struct nx_json *at = nx_json_first(value); at; at = nx_json_next(at)) {
		enum nx_status status = list_add(fields, at, out, error);

		if (status != NX_OK)
			return status;
	}
	out->text = list_text(request, out);
	return NX_OK;
}

void nx_child_prefixes_parse(const char *text, struct nx_child_prefixes *out)
{
	NX_AUTO_JSON struct nx_json *list = NULL;

	out->count = 0;
	if (nx_json_parse(text, strlen(text), &list, NULL) != NX_OK)
		return;
	for (const struct nx_json *at = nx_json_first(list); at; at = nx_json_next(at)) {
		const char *prefix = nx_json_string(at);

		if (prefix && out->count < NX_CHILD_PREFIX_LIMIT &&
		    nx_prefix_parse(prefix, &out->prefix[out->count]))
			out->count++;
	}
}

/* --- against the rest of the organization ---------------------------------------------- */

static enum nx_status overlaps_any(const struct nx_child_prefixes *children, const struct nx_prefix *other,
				   const char *whose, struct nx_error *error)
{
	for (size_t i = 0; i < children->count; i++) {
		if (nx_prefix_overlaps(&children->prefix[i], other))
			return overlap(&children->prefix[i], other, whose, error);
	}
	return NX_OK;
}

static enum nx_status check_organization(const struct nx_fields *fields, const struct nx_value *organization,
					 const struct nx_child_prefixes *children, struct nx_error *error)
{
	enum nx_status status = NX_OK;
	struct nx_prefix prefix;

	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++) {
		size_t second = fields->family[i].organization_second;

		if (nx_prefix_parse(organization[fields->family[i].organization_prefix].text, &prefix))
			status = overlaps_any(children, &prefix, "the organization's own prefix", error);
		if (status == NX_OK && second != NX_NO_COLUMN &&
		    nx_prefix_parse(organization[second].text, &prefix))
			status = overlaps_any(children, &prefix,
					      "the prefix that the organization moves to or from", error);
	}
	return status;
}

struct comparing {
	const struct nx_child_prefixes *children;
	enum nx_status status;
	struct nx_error *error;
};

static bool compare_device(void *context, const struct nx_row *row)
{
	struct comparing *comparing = context;
	struct nx_child_prefixes others;

	nx_child_prefixes_parse(nx_row_text(row, 0), &others);
	for (size_t i = 0; comparing->status == NX_OK && i < others.count; i++)
		comparing->status = overlaps_any(comparing->children, &others.prefix[i],
						 "which another device advertises", comparing->error);
	return comparing->status == NX_OK;
}

enum nx_status nx_child_prefixes_check(const struct nx_fields *fields, struct nx_tx *tx,
				       const struct nx_value *organization, const char *device_id,
				       const struct nx_child_prefixes *children, struct nx_error *error)
{
	struct comparing comparing = {.children = children, .error = error};
	enum nx_status status;

	if (!children->count)
		return NX_OK;
	status = check_organization(fields, organization, children, error);
	if (status != NX_OK)
		return status;
	status = nx_sql_each(tx, error,
			     "SELECT child_prefix FROM devices WHERE organization_id = $1 AND id <> $2"
			     " AND child_prefix <> 'null' AND child_prefix <> '[]'",
			     NX_PARAMS(organization[NX_ORGANIZATION_ID], NX_TEXT(device_id)), compare_device,
			     &comparing);
	return status == NX_OK ? comparing.status : status;
}
