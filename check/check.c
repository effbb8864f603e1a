/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void say(struct check *check, enum check_result result,
						      const char *format, va_list arguments)
{
	if (check->result != CHECK_OK)
		return;
	check->result = result;
	vsnprintf(check->detail, sizeof(check->detail), format, arguments);
}

bool check_fail(struct check *check, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(check, CHECK_FAILED, format, arguments);
	va_end(arguments);
	return false;
}

void check_skip(struct check *check, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(check, CHECK_SKIPPED, format, arguments);
	va_end(arguments);
}

bool check_bytes_same(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}
