/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/address.h"
#include "base/error.h"

__attribute__((format(printf, 3, 4))) static void fake_log(struct nx_host *host, enum nx_log_level level,
							   const char *format, ...)
{
	va_list arguments;

	(void)host;
	fprintf(stderr, "log %d: ", (int)level);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static const char *fake_config_string(struct nx_host *host, const char *name)
{
	if (!strcmp(name, "backend"))
		return host->backend;
	if (!strcmp(name, "wireguard-go"))
		return host->program;
	abort(); /* asking for an undeclared key is a bug */
}

static int64_t fake_clock_seconds(void)
{
	return time(NULL);
}

static uint64_t fake_clock_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fake_random_bytes(void *out, size_t length)
{
	if (getrandom(out, length, 0) != (ssize_t)length)
		abort();
}

const struct nx_agent_services fake_agent_services = {
	.size = sizeof(fake_agent_services),
	.netlink = fake_netlink,
	.genl_family = fake_genl_family,
	.run = fake_run,
};

const struct nx_services fake_services = {
	.size = sizeof(fake_services),
	.log = fake_log,
	.fail = nx_fail,
	.config_string = fake_config_string,
	.clock_seconds = fake_clock_seconds,
	.clock_nanoseconds = fake_clock_nanoseconds,
	.random_bytes = fake_random_bytes,
	.address = &nx_address_services,
	.agent = &fake_agent_services,
};
