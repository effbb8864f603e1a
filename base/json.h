/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259): the only way in which this product reads and writes it. A
 * strict wrapper around cJSON: the whole input must be one document, valid
 * UTF-8, at most NX_JSON_DEPTH deep, without duplicate keys, without a NUL in
 * a string; numbers must be written as RFC 8259 says.
 *
 * `struct nx_json` is a value inside a document; a document is the value that
 * nx_json_parse() or nx_json_object() answered, and the one to be freed.
 */
#ifndef NX_BASE_JSON_H
#define NX_BASE_JSON_H

#include <nexodus/json.h>

#include "base/buffer.h"
#include "base/error.h"

#define NX_JSON_DEPTH 32

enum nx_json_type {
	NX_JSON_NULL = 1,
	NX_JSON_BOOLEAN,
	NX_JSON_NUMBER,
	NX_JSON_STRING,
	NX_JSON_ARRAY,
	NX_JSON_OBJECT,
};

/* NX_INVALID with a message that says where and what. */
enum nx_status nx_json_parse(const char *text, size_t length, struct nx_json **out, struct nx_error *error);
void nx_json_free(struct nx_json *document); /* NULL is fine */
void nx_json_cleanup(struct nx_json **document);
#define NX_AUTO_JSON __attribute__((cleanup(nx_json_cleanup)))

enum nx_json_type nx_json_type(const struct nx_json *value);
const struct nx_json *nx_json_member(const struct nx_json *object, const char *name);
size_t nx_json_length(const struct nx_json *array_or_object);
const struct nx_json *nx_json_element(const struct nx_json *array, size_t index);
/* Walk a container: first child, next sibling, a member's name. NULL at the end. */
const struct nx_json *nx_json_first(const struct nx_json *container);
const struct nx_json *nx_json_next(const struct nx_json *value);
const char *nx_json_name(const struct nx_json *value); /* NULL for elements of arrays */

/* NULL / false when the value is NULL or of another type. */
const char *nx_json_string(const struct nx_json *value);
bool nx_json_boolean(const struct nx_json *value, bool *out);
/* Whole numbers between -2^53 and 2^53, both excluded (what a double tells apart). */
bool nx_json_integer(const struct nx_json *value, int64_t *out);
/* The same for a member of an object, with what to answer when it is not there. */
const char *nx_json_member_string(const struct nx_json *object, const char *name, const char *fallback);
bool nx_json_member_boolean(const struct nx_json *object, const char *name, bool fallback);
int64_t nx_json_member_integer(const struct nx_json *object, const char *name, int64_t fallback);

/* --- writing a document through a tree (small ones: agent, CLI) --- */
struct nx_json *nx_json_object(void);
struct nx_json *nx_json_array(void);
struct nx_json *nx_json_duplicate(const struct nx_json *value);
void nx_json_put(struct nx_json *object, const char *name, struct nx_json *value);   /* takes value */
void nx_json_put_string(struct nx_json *object, const char *name, const char *text); /* NULL: null */
void nx_json_put_boolean(struct nx_json *object, const char *name, bool value);
void nx_json_put_integer(struct nx_json *object, const char *name, int64_t value);
void nx_json_add(struct nx_json *array, struct nx_json *value); /* takes value */
void nx_json_add_string(struct nx_json *array, const char *text);
/* Compact text of any value appended to the buffer; pretty: two spaces a level. */
void nx_json_print(const struct nx_json *value, struct nx_buffer *out);
void nx_json_print_pretty(const struct nx_json *value, struct nx_buffer *out);

/* --- writing straight into a buffer (the server's hot paths) --- */
/* A quoted and escaped string; invalid UTF-8 becomes U+FFFD. NULL writes null. */
void nx_json_write_string(struct nx_buffer *out, const char *text);

/* For the ABI: a writer is an object document under another name. */
struct nx_json_writer *nx_json_writer(struct nx_json *object);
extern const struct nx_json_services nx_json_services;

#endif
