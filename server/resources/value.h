/* SPDX-License-Identifier: Apache-2.0 */
/* Single values between JSON and the store. Pure functions: any thread. */
#ifndef NX_SERVER_RESOURCES_VALUE_H
#define NX_SERVER_RESOURCES_VALUE_H

#include <nexodus/plugin.h>

#include "base/json.h"
#include "server/store/store.h"

/* Bytes of a text from a client, the final NUL not included. */
#define NX_TEXT_LIMIT 255

/* The value that a field's `fallback` stands for; false when it does not fit the type. */
bool nx_value_fallback(const struct nx_field *field, struct nx_value *out);
/*
 * A field's value from JSON, judged by its type. `address_length`: bytes that an address in
 * it must have, 0 for any. The text is borrowed. NX_INVALID with the field's name.
 */
enum nx_status nx_value_read(const struct nx_field *field, uint8_t address_length, const struct nx_json *json,
			     struct nx_value *out, struct nx_error *error);
/* No control character, C1 and DEL included: it may go into logs, terminals and files of others. */
bool nx_text_printable(const char *text);

/* "2026-01-31T23:59:59Z" (RFC 3339) */
#define NX_TIME_TEXT 32
char *nx_time_format(int64_t seconds, char text[static NX_TIME_TEXT]);

#endif
