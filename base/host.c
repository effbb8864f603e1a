/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins may call. */
#include <stdarg.h>
#include <time.h>

#include "base/address.h"
#include "base/json.h"
#include "base/loader_internal.h"
#include "base/log.h"
#include "base/secret.h"

static void host_log(struct nx_host *host, enum nx_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void host_log(struct nx_host *host, enum nx_log_level level, const char *format, ...)
{
	va_list arguments;

	if (level < NX_LOG_ERROR || level > NX_LOG_DEBUG)
		level = NX_LOG_ERROR;
	va_start(arguments, format);
	nx_log_vtext(level, host->name, format, arguments);
	va_end(arguments);
}

static const char *host_config_string(struct nx_host *host, const char *name)
{
	return nx_config_string(host->set->config, host->name, name);
}

static int64_t host_config_integer(struct nx_host *host, const char *name)
{
	return nx_config_integer(host->set->config, host->name, name);
}

static bool host_config_boolean(struct nx_host *host, const char *name)
{
	return nx_config_boolean(host->set->config, host->name, name);
}

static int64_t host_clock_seconds(void)
{
	return time(NULL);
}

static uint64_t host_clock_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void loader_services(struct nx_plugins *set, const struct nx_agent_services *agent)
{
	set->services = (struct nx_services){
		.size = sizeof(set->services),
		.log = host_log,
		.fail = nx_fail,
		.config_string = host_config_string,
		.config_integer = host_config_integer,
		.config_boolean = host_config_boolean,
		.clock_seconds = host_clock_seconds,
		.clock_nanoseconds = host_clock_nanoseconds,
		.random_bytes = nx_random_bytes,
		.address = &nx_address_services,
		.json = &nx_json_services,
		.agent = agent,
	};
}

const char *nx_host_name(const struct nx_host *host)
{
	return host->name;
}

void *nx_host_program(const struct nx_host *host)
{
	return host->set->program;
}
