/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF. */
#ifndef NX_BASE_UTF8_H
#define NX_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decode the character at the start of `text`, of which `length` bytes may be read.
 * Answers the number of its bytes (1 … 4) and sets *out; 0 when it is not valid.
 */
size_t nx_utf8_decode(const char *text, size_t length, uint32_t *out);

/* The longest length up to `length` that does not end inside a character. */
size_t nx_utf8_cut(const char *text, size_t length);

#endif
