/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum nx_status nx_fail(struct nx_error *error, enum nx_status status, const char *field, const char *format,
		       ...)
{
	/* Made apart and copied, so that the message may quote the error it replaces. */
	struct nx_error made = {.status = status};
	va_list arguments;
	int length;

	if (!error)
		return status;
	va_start(arguments, format);
	length = vsnprintf(made.message, sizeof(made.message), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(made.message))
		made.message[nx_utf8_cut(made.message, sizeof(made.message) - 1)] = '\0';
	if (field)
		snprintf(made.field, sizeof(made.field), "%s", field);
	*error = made;
	return status;
}

const char *nx_status_name(enum nx_status status)
{
	static const char *const names[] = {
		[NX_OK] = "ok",
		[NX_INVALID] = "invalid",
		[NX_NOT_FOUND] = "not found",
		[NX_DENIED] = "denied",
		[NX_CONFLICT] = "conflict",
		[NX_EXHAUSTED] = "exhausted",
		[NX_UNAVAILABLE] = "unavailable",
		[NX_UNSUPPORTED] = "unsupported",
		[NX_INTERNAL] = "internal error",
	};

	if ((size_t)status >= NX_COUNT(names))
		return "unknown status";
	return names[status];
}
