/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of RFC 8259, to the letter; internal to json.c. */
#ifndef NX_BASE_JSON_CHECK_H
#define NX_BASE_JSON_CHECK_H

#include "base/error.h"

/*
 * NX_OK when `text` is exactly one JSON document: valid UTF-8 without a byte order
 * mark, at most NX_JSON_DEPTH deep, no NUL and no lone surrogate escaped in a string,
 * numbers short enough for the parser behind it. Otherwise NX_INVALID with a message
 * that says at which byte (from 1) what is wrong. Needs no memory; does not recurse.
 */
enum nx_status nx_json_check(const char *text, size_t length, struct nx_error *error);

#endif
