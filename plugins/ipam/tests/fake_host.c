/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/tests/fake_host.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "plugins/ipam/tests/fake_address.h"

static void fake_log(struct nx_host *host, enum nx_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fake_log(struct nx_host *host, enum nx_log_level level, const char *format, ...)
{
	va_list arguments;

	(void)host;
	va_start(arguments, format);
	fprintf(stderr, "log %d: ", (int)level);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

static enum nx_status fake_fail(struct nx_error *error, enum nx_status status, const char *field,
				const char *format, ...) __attribute__((format(printf, 4, 5)));

static enum nx_status fake_fail(struct nx_error *error, enum nx_status status, const char *field,
				const char *format, ...)
{
	va_list arguments;

	if (!error)
		return status;
	*error = (struct nx_error){.status = status};
	snprintf(error->field, sizeof(error->field), "%s", field ? field : "");
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return status;
}

static const char *config_string(struct nx_host *host, const char *name)
{
	for (const struct fake_setting *setting = host->settings; setting && setting->name; setting++) {
		if (strcmp(setting->name, name) == 0)
			return setting->value;
	}
	fprintf(stderr, "a key that is not configured was read: %s\n", name);
	abort();
}

static int64_t config_integer(struct nx_host *host, const char *name)
{
	return strtoll(config_string(host, name), NULL, 10);
}

static bool config_boolean(struct nx_host *host, const char *name)
{
	return strcmp(config_string(host, name), "true") == 0;
}

static int64_t clock_seconds(void)
{
	return time(NULL);
}

static uint64_t clock_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void random_bytes(void *out, size_t length)
{
	if (getrandom(out, length, 0) != (ssize_t)length)
		abort();
}

/* --- JSON
 * ------------------------------------------------------------------------------------------------------- */

static const cJSON *inside(const struct nx_json *value)
{
	return (const cJSON *)(const void *)value;
}

static const struct nx_json *outside(const cJSON *value)
{
	return (const struct nx_json *)(const void *)value;
}

static cJSON *object_of(struct nx_json_writer *writer)
{
	return (cJSON *)(void *)writer;
}

static const struct nx_json *json_member(const struct nx_json *object, const char *name)
{
	return outside(cJSON_GetObjectItemCaseSensitive(inside(object), name));
}

static size_t json_length(const struct nx_json *array)
{
	return cJSON_IsArray(inside(array)) ? (size_t)cJSON_GetArraySize(inside(array)) : 0;
}

static const struct nx_json *json_element(const struct nx_json *array, size_t index)
{
	return outside(cJSON_GetArrayItem(inside(array), (int)index));
}

static const char *json_string(const struct nx_json *value)
{
	return cJSON_GetStringValue(inside(value));
}

static bool json_boolean(const struct nx_json *value, bool *out)
{
	if (!cJSON_IsBool(inside(value)))
		return false;
	*out = cJSON_IsTrue(inside(value));
	return true;
}

static bool json_integer(const struct nx_json *value, int64_t *out)
{
	if (!cJSON_IsNumber(inside(value)))
		return false;
	*out = (int64_t)inside(value)->valuedouble;
	return true;
}

static void put_string(struct nx_json_writer *writer, const char *name, const char *text)
{
	cJSON_AddStringToObject(object_of(writer), name, text);
}

static void put_boolean(struct nx_json_writer *writer, const char *name, bool value)
{
	cJSON_AddBoolToObject(object_of(writer), name, value);
}

static void put_integer(struct nx_json_writer *writer, const char *name, int64_t value)
{
	cJSON_AddNumberToObject(object_of(writer), name, (double)value);
}

static struct nx_json *json_parse(const char *text, size_t length)
{
	return (struct nx_json *)(void *)cJSON_ParseWithLength(text, length);
}

static void json_document_free(struct nx_json *document)
{
	cJSON_Delete((cJSON *)(void *)document);
}

static const struct nx_json *json_first(const struct nx_json *container)
{
	return outside(container ? inside(container)->child : NULL);
}

static const struct nx_json *json_next(const struct nx_json *value)
{
	return outside(inside(value)->next);
}

static const char *json_name(const struct nx_json *value)
{
	return inside(value)->string;
}

static const struct nx_json_services json_services = {
	.size = sizeof(json_services),
	.member = json_member,
	.length = json_length,
	.element = json_element,
	.string = json_string,
	.boolean = json_boolean,
	.integer = json_integer,
	.put_string = put_string,
	.put_boolean = put_boolean,
	.put_integer = put_integer,
	.parse = json_parse,
	.document_free = json_document_free,
	.first = json_first,
	.next = json_next,
	.name = json_name,
};

const struct nx_json *fake_json(const char *text)
{
	return outside(cJSON_Parse(text));
}

void fake_json_free(const struct nx_json *value)
{
	union {
		const struct nx_json *constant;
		void *mutable;
	} pointer = {value};

	cJSON_Delete(pointer.mutable);
}

struct nx_json_writer *fake_writer(void)
{
	return (struct nx_json_writer *)(void *)cJSON_CreateObject();
}

const struct nx_json *fake_written(const struct nx_json_writer *writer)
{
	return (const struct nx_json *)(const void *)writer;
}

const struct nx_services fake_services = {
	.size = sizeof(fake_services),
	.log = fake_log,
	.fail = fake_fail,
	.config_string = config_string,
	.config_integer = config_integer,
	.config_boolean = config_boolean,
	.clock_seconds = clock_seconds,
	.clock_nanoseconds = clock_nanoseconds,
	.random_bytes = random_bytes,
	.address = &fake_address_services,
	.json = &json_services,
};
