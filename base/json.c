/* SPDX-License-Identifier: Apache-2.0 */
/* `struct nx_json` is a cJSON under a name that does not tell. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_check.h"
#include "base/memory.h"

/* 2^53: from here on a double no longer tells each whole number from the next. */
#define INTEGER_LIMIT 9007199254740992.0

/* Longer objects are sorted to find duplicates; the text comes from outside. */
#define FEW_MEMBERS 16

static const cJSON *tree(const struct nx_json *value)
{
	return (const cJSON *)value;
}

static cJSON *tree_writable(struct nx_json *value)
{
	return (cJSON *)value;
}

static const struct nx_json *view(const cJSON *item)
{
	return (const struct nx_json *)item;
}

/* --- parsing -------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *duplicate_of_many(const cJSON *object, size_t count)
{
	NX_AUTO_FREE const char **names = nx_alloc_array(count, sizeof(*names));
	size_t filled = 0;

	for (const cJSON *member = object->child; member; member = member->next)
		names[filled++] = member->string;
	qsort(names, filled, sizeof(*names), compare_names);
	for (size_t i = 1; i < filled; i++) {
		if (strcmp(names[i - 1], names[i]) == 0)
			return names[i];
	}
	return NULL;
}

static const char *duplicate_of_few(const cJSON *object)
{
	for (const cJSON *member = object->child; member; member = member->next) {
		for (const cJSON *later = member->next; later; later = later->next) {
			if (strcmp(member->string, later->string) == 0)
				return later->string;
		}
	}
	return NULL;
}

/* What the grammar does not see: duplicate names, and numbers that no double holds. The
 * recursion is as deep as the document, which the grammar has bounded. */
static enum nx_status judge(const cJSON *item, struct nx_error *error)
{
	size_t count = 0;

	if (cJSON_IsNumber(item) && !isfinite(item->valuedouble))
		return nx_fail(error, NX_INVALID, NULL, "invalid JSON: a number is too large");
	for (const cJSON *child = item->child; child; child = child->next) {
		enum nx_status status = judge(child, error);

		if (status)
			return status;
		count++;
	}
	if (cJSON_IsObject(item)) {
		const char *name =
			count > FEW_MEMBERS ? duplicate_of_many(item, count) : duplicate_of_few(item);

		if (name)
			return nx_fail(error, NX_INVALID, NULL,
				       "invalid JSON: \"%.64s\" stands twice in an object", name);
	}
	return NX_OK;
}

enum nx_status nx_json_parse(const char *text, size_t length, struct nx_json **out, struct nx_error *error)
{
	enum nx_status status = nx_json_check(text, length, error);
	cJSON *document;

	if (status)
		return status;
	document = cJSON_ParseWithLength(text, length);
	if (!document)
		return nx_fail(error, NX_INTERNAL, NULL, "cannot read a JSON document of %zu bytes", length);
	status = judge(document, error);
	if (status)
		cJSON_Delete(document);
	else
		*out = (struct nx_json *)document;
	return status;
}

void nx_json_free(struct nx_json *document)
{
	cJSON_Delete(tree_writable(document));
}

void nx_json_cleanup(struct nx_json **document)
{
	nx_json_free(*document);
}

/* --- reading --------------------------------------------------------------------- */

enum nx_json_type nx_json_type(const struct nx_json *value)
{
	switch (tree(value)->type & 0xff) {
	case cJSON_False:
	case cJSON_True:
		return NX_JSON_BOOLEAN;
	case cJSON_Number:
		return NX_JSON_NUMBER;
	case cJSON_String:
		return NX_JSON_STRING;
	case cJSON_Array:
		return NX_JSON_ARRAY;
	case cJSON_Object:
		return NX_JSON_OBJECT;
	default:
		return NX_JSON_NULL;
	}
}

const struct nx_json *nx_json_member(const struct nx_json *object, const char *name)
{
	if (!cJSON_IsObject(tree(object)))
		return NULL;
	return view(cJSON_GetObjectItemCaseSensitive(tree(object), name));
}

size_t nx_json_length(const struct nx_json *array_or_object)
{
	size_t length = 0;

	for (const struct nx_json *at = nx_json_first(array_or_object); at; at = nx_json_next(at))
		length++;
	return length;
}

const struct nx_json *nx_json_element(const struct nx_json *array, size_t index)
{
	const struct nx_json *at = cJSON_IsArray(tree(array)) ? nx_json_first(array) : NULL;

	while (at && index-- > 0)
		at = nx_json_next(at);
	return at;
}

const struct nx_json *nx_json_first(const struct nx_json *container)
{
	return container ? view(tree(container)->child) : NULL;
}

const struct nx_json *nx_json_next(const struct nx_json *value)
{
	return view(tree(value)->next);
}

const char *nx_json_name(const struct nx_json *value)
{
	return tree(value)->string;
}

const char *nx_json_string(const struct nx_json *value)
{
	return value && cJSON_IsString(tree(value)) ? tree(value)->valuestring : NULL;
}

bool nx_json_boolean(const struct nx_json *value, bool *out)
{
	if (!cJSON_IsBool(tree(value)))
		return false;
	*out = cJSON_IsTrue(tree(value));
	return true;
}

bool nx_json_integer(const struct nx_json *value, int64_t *out)
{
	double number;

	if (!value || !cJSON_IsNumber(tree(value)))
		return false;
	number = tree(value)->valuedouble;
	/* The limit itself is out: what was written may have been its neighbour. */
	if (!(fabs(number) < INTEGER_LIMIT) || trunc(number) != number)
		return false;
	*out = (int64_t)number;
	return true;
}

const char *nx_json_member_string(const struct nx_json *object, const char *name, const char *fallback)
{
	const char *text = nx_json_string(nx_json_member(object, name));

	return text ? text : fallback;
}

bool nx_json_member_boolean(const struct nx_json *object, const char *name, bool fallback)
{
	bool value = fallback;

	nx_json_boolean(nx_json_member(object, name), &value);
	return value;
}

int64_t nx_json_member_integer(const struct nx_json *object, const char *name, int64_t fallback)
{
	int64_t value = fallback;

	nx_json_integer(nx_json_member(object, name), &value);
	return value;
}

/* --- building ----------------------------------------------------------------------- */

/* A cJSON call that failed had no memory; everywhere else that ends the program too. */
static cJSON *must(cJSON *item)
{
	if (!item)
		abort();
	return item;
}

struct nx_json *nx_json_object(void)
{
	return (struct nx_json *)must(cJSON_CreateObject());
}

struct nx_json *nx_json_array(void)
{
	return (struct nx_json *)must(cJSON_CreateArray());
}

struct nx_json *nx_json_duplicate(const struct nx_json *value)
{
	return (struct nx_json *)must(cJSON_Duplicate(tree(value), true));
}

void nx_json_put(struct nx_json *object, const char *name, struct nx_json *value)
{
	cJSON *into = tree_writable(object);

	cJSON_DeleteItemFromObjectCaseSensitive(into, name);
	if (!cJSON_AddItemToObject(into, name, must(tree_writable(value))))
		abort();
}

void nx_json_put_string(struct nx_json *object, const char *name, const char *text)
{
	cJSON *value = text ? cJSON_CreateString(text) : cJSON_CreateNull();

	nx_json_put(object, name, (struct nx_json *)value);
}

void nx_json_put_boolean(struct nx_json *object, const char *name, bool value)
{
	nx_json_put(object, name, (struct nx_json *)cJSON_CreateBool(value));
}

void nx_json_put_integer(struct nx_json *object, const char *name, int64_t value)
{
	nx_json_put(object, name, (struct nx_json *)cJSON_CreateNumber((double)value));
}

void nx_json_add(struct nx_json *array, struct nx_json *value)
{
	if (!cJSON_AddItemToArray(tree_writable(array), must(tree_writable(value))))
		abort();
}

void nx_json_add_string(struct nx_json *array, const char *text)
{
	nx_json_add(array, (struct nx_json *)cJSON_CreateString(text));
}

/* --- across the ABI ------------------------------------------------------------------- */

struct nx_json_writer *nx_json_writer(struct nx_json *object)
{
	return (struct nx_json_writer *)object;
}

static size_t service_length(const struct nx_json *array)
{
	return cJSON_IsArray(tree(array)) ? nx_json_length(array) : 0;
}

static void service_put_string(struct nx_json_writer *writer, const char *name, const char *text)
{
	nx_json_put_string((struct nx_json *)writer, name, text);
}

static void service_put_boolean(struct nx_json_writer *writer, const char *name, bool value)
{
	nx_json_put_boolean((struct nx_json *)writer, name, value);
}

static void service_put_integer(struct nx_json_writer *writer, const char *name, int64_t value)
{
	nx_json_put_integer((struct nx_json *)writer, name, value);
}

static struct nx_json *document_parse(const char *text, size_t length)
{
	struct nx_json *document = NULL;

	return nx_json_parse(text, length, &document, NULL) == NX_OK ? document : NULL;
}

const struct nx_json_services nx_json_services = {
	.size = sizeof(struct nx_json_services),
	.member = nx_json_member,
	.length = service_length,
	.element = nx_json_element,
	.string = nx_json_string,
	.boolean = nx_json_boolean,
	.integer = nx_json_integer,
	.put_string = service_put_string,
	.put_boolean = service_put_boolean,
	.put_integer = service_put_integer,
	.parse = document_parse,
	.document_free = nx_json_free,
	.first = nx_json_first,
	.next = nx_json_next,
	.name = nx_json_name,
};
