/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer, always NUL-terminated. Zero-initialized is empty. Memory that
 * cannot be had ends the program (as everywhere in this product, by nx_alloc). */
#ifndef NX_BASE_BUFFER_H
#define NX_BASE_BUFFER_H

#include <stddef.h>

struct nx_buffer {
	char *data; /* NULL while empty and never written */
	size_t length;
	size_t room;
};

void nx_buffer_append(struct nx_buffer *buffer, const void *data, size_t length);
void nx_buffer_text(struct nx_buffer *buffer, const char *text);
void nx_buffer_printf(struct nx_buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Drop the first `length` bytes. */
void nx_buffer_consume(struct nx_buffer *buffer, size_t length);
void nx_buffer_clear(struct nx_buffer *buffer); /* keeps the room */
void nx_buffer_free(struct nx_buffer *buffer);	/* NULL is fine; leaves it empty */
/* The text, now the caller's to free(); the buffer is empty afterwards. Never NULL. */
char *nx_buffer_take(struct nx_buffer *buffer);

#endif
