/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct refusal {
	int code;
	enum nx_status status;
	const char *advice; /* "" or what to do, with its separator */
};

static const struct refusal refusals[] = {
	{EPERM, NX_DENIED, "; CAP_NET_ADMIN is needed: run nexd as root"},
	{EACCES, NX_DENIED, "; CAP_NET_ADMIN is needed: run nexd as root"},
	{ENODEV, NX_NOT_FOUND, ""},
	{ENOENT, NX_NOT_FOUND, ""},
	{EEXIST, NX_CONFLICT, ""},
	{EADDRINUSE, NX_CONFLICT, "; choose another listen port"},
	{EINVAL, NX_INVALID, ""},
	{EOPNOTSUPP, NX_UNSUPPORTED, ""},
	{ENOMEM, NX_UNAVAILABLE, ""},
	{ENOBUFS, NX_UNAVAILABLE, ""},
	{EBUSY, NX_UNAVAILABLE, ""},
	{ETIMEDOUT, NX_UNAVAILABLE, ""},
};

static const struct refusal *refusal_find(int code)
{
	static const struct refusal other = {0, NX_INTERNAL, ""};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (refusals[i].code == code)
			return &refusals[i];
	}
	return &other;
}

enum nx_status wg_refuse(const struct wg_driver *driver, int code, const char *text, struct nx_error *error,
			 const char *format, ...)
{
	const struct refusal *refusal = refusal_find(code);
	const char *words = strerrordesc_np(code);
	char what[160];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return driver->services->fail(error, refusal->status, NULL, "%s: %s%s%s%s%s", what,
				      words ? words : "unknown error", *text ? " (" : "", text,
				      *text ? ")" : "", refusal->advice);
}

enum nx_status wg_no_memory(const struct wg_driver *driver, struct nx_error *error)
{
	return driver->services->fail(error, NX_INTERNAL, NULL, "out of memory");
}

void wg_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}
