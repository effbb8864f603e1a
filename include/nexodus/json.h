/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) across the plugin ABI: an opaque, read-only value, and an
 * opaque object being written. Both belong to the host. Numbers are read as
 * integers only; the product has no fractions.
 *
 * All functions run on the thread that called the plugin; none blocks.
 */
#ifndef NEXODUS_JSON_H
#define NEXODUS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nx_json;	       /* a value being read; valid for the call that brought it */
struct nx_json_writer; /* an object being written */

struct nx_json_services {
	size_t size;
	/* A member of an object; NULL when absent or `object` is no object. */
	const struct nx_json *(*member)(const struct nx_json *object, const char *name);
	/* Elements of an array: 0 for anything else; NULL past the end. */
	size_t (*length)(const struct nx_json *array);
	const struct nx_json *(*element)(const struct nx_json *array, size_t index);
	/* UTF-8, no NUL inside; NULL when the value is no string. Lives as long as the value. */
	const char *(*string)(const struct nx_json *value);
	/* True and *out set when the value has that type. */
	bool (*boolean)(const struct nx_json *value, bool *out);
	bool (*integer)(const struct nx_json *value, int64_t *out);
	/* Add a member; the name and the text are copied. */
	void (*put_string)(struct nx_json_writer *writer, const char *name, const char *text);
	void (*put_boolean)(struct nx_json_writer *writer, const char *name, bool value);
	void (*put_integer)(struct nx_json_writer *writer, const char *name, int64_t value);
	/*
	 * Read what a program or another service said: one document, valid UTF-8, without duplicate keys.
	 * NULL when it is not. The plugin's, for document_free() (NULL is fine), which its values do not
	 * outlive.
	 */
	struct nx_json *(*parse)(const char *text, size_t length);
	void (*document_free)(struct nx_json *document);
	/* Walk an array or an object: first child, next sibling; NULL at the end. A member's name; NULL for
	 * an element of an array. */
	const struct nx_json *(*first)(const struct nx_json *container);
	const struct nx_json *(*next)(const struct nx_json *value);
	const char *(*name)(const struct nx_json *value);
};

#endif
