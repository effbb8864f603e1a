/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define FIRST_ROOM 64

/* Make room for `more` bytes and the final NUL. */
static void buffer_reserve(struct nx_buffer *buffer, size_t more)
{
	size_t needed;
	size_t room = buffer->room ? buffer->room : FIRST_ROOM;

	if (__builtin_add_overflow(buffer->length, more, &needed) ||
	    __builtin_add_overflow(needed, 1, &needed))
		needed = SIZE_MAX; /* cannot be had: nx_realloc_array() ends the program */
	if (needed <= buffer->room)
		return;
	while (room < needed)
		room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
	buffer->data = nx_realloc_array(buffer->data, room, 1);
	buffer->room = room;
}

void nx_buffer_append(struct nx_buffer *buffer, const void *data, size_t length)
{
	buffer_reserve(buffer, length);
	if (length)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void nx_buffer_text(struct nx_buffer *buffer, const char *text)
{
	nx_buffer_append(buffer, text, strlen(text));
}

void nx_buffer_printf(struct nx_buffer *buffer, const char *format, ...)
{
	va_list arguments;
	size_t free_room = buffer->room - buffer->length;
	int length;

	va_start(arguments, format);
	length = vsnprintf(free_room ? buffer->data + buffer->length : NULL, free_room, format, arguments);
	va_end(arguments);
	if (length < 0)
		abort(); /* only a broken format does this */
	if ((size_t)length >= free_room) {
		buffer_reserve(buffer, (size_t)length);
		va_start(arguments, format);
		vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
		va_end(arguments);
	}
	buffer->length += (size_t)length;
}

void nx_buffer_consume(struct nx_buffer *buffer, size_t length)
{
	if (length >= buffer->length) {
		nx_buffer_clear(buffer);
		return;
	}
	buffer->length -= length;
	memmove(buffer->data, buffer->data + length, buffer->length + 1);
}

void nx_buffer_clear(struct nx_buffer *buffer)
{
	buffer->length = 0;
	if (buffer->data)
		buffer->data[0] = '\0';
}

void nx_buffer_free(struct nx_buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->data);
	*buffer = (struct nx_buffer){0};
}

char *nx_buffer_take(struct nx_buffer *buffer)
{
	char *text = buffer->data ? buffer->data : nx_strdup("");

	*buffer = (struct nx_buffer){0};
	return text;
}
