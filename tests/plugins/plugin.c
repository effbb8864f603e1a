/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server plugin that does nothing but say what is done with it. Every part of its
 * descriptor can be replaced by a definition, so that it is wrong in just that.
 */
#include <stdlib.h>

#include <nexodus/plugin.h>
#include <nexodus/relay.h>

#ifndef PLUGIN_MAGIC
#define PLUGIN_MAGIC NX_PLUGIN_MAGIC
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(struct nx_plugin)
#endif
#ifndef PLUGIN_MAJOR
#define PLUGIN_MAJOR NX_ABI_MAJOR
#endif
#ifndef PLUGIN_MINOR
#define PLUGIN_MINOR NX_ABI_MINOR
#endif
#ifndef PLUGIN_ROLE
#define PLUGIN_ROLE NX_ROLE_SERVER
#endif
#ifndef PLUGIN_SAYS_NAME
#define PLUGIN_SAYS_NAME PLUGIN_NAME
#endif
#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1"
#endif
#ifndef PLUGIN_LOAD
#define PLUGIN_LOAD load
#endif
#ifndef PLUGIN_KIND
#define PLUGIN_KIND "relay"
#endif
#ifndef PLUGIN_KEY
#define PLUGIN_KEY PLUGIN_NAME
#endif
#ifndef PLUGIN_DEVICE_CHECK
#define PLUGIN_DEVICE_CHECK device_check
#endif
#ifndef PLUGIN_OPS_SIZE
#define PLUGIN_OPS_SIZE sizeof(struct nx_relay_server_ops)
#endif
#ifndef PLUGIN_NEED_SOFT
#define PLUGIN_NEED_SOFT false
#endif
#ifndef PLUGIN_DEFAULT
#define PLUGIN_DEFAULT "5"
#endif
#ifndef PLUGIN_KEY_TYPE
#define PLUGIN_KEY_TYPE NX_CONFIG_INTEGER
#endif
#ifndef PLUGIN_KEYS_ROWS
#define PLUGIN_KEYS_ROWS config_keys
#endif
#ifndef PLUGIN_KEYS_ROW_SIZE
#define PLUGIN_KEYS_ROW_SIZE sizeof(config_keys[0])
#endif
#ifndef PLUGIN_FIELD_TYPE
#define PLUGIN_FIELD_TYPE NX_FIELD_STRING
#endif
#ifndef PLUGIN_MIGRATION
#define PLUGIN_MIGRATION 1
#endif
#ifndef PLUGIN_DOWN
#define PLUGIN_DOWN "SELECT 2"
#endif
#ifndef PLUGIN_LOAD_STATUS
#define PLUGIN_LOAD_STATUS NX_OK
#endif
#ifndef PLUGIN_START_STATUS
#define PLUGIN_START_STATUS NX_OK
#endif
#ifndef PLUGIN_RELOAD_STATUS
#define PLUGIN_RELOAD_STATUS NX_OK
#endif

struct instance {
	struct nx_host *host;
	const struct nx_services *services;
};

/* Say what is done, and answer what this plugin is to answer. */
static enum nx_status tell(const struct instance *instance, const char *what, enum nx_status status,
			   struct nx_error *error)
{
	const struct nx_services *services = instance->services;

	services->log(instance->host, NX_LOG_INFO, "%s %lld", what,
		      (long long)services->config_integer(instance->host, "size"));
	if (status)
		return services->fail(error, status, NULL, "%s does not want to", PLUGIN_NAME);
	return NX_OK;
}

static __attribute__((unused)) enum nx_status load(struct nx_host *host, const struct nx_services *services,
						   void **out, struct nx_error *error)
{
	struct instance *instance = calloc(1, sizeof(*instance));
	enum nx_status status;

	if (!instance)
		return services->fail(error, NX_INTERNAL, NULL, "no memory");
	instance->host = host;
	instance->services = services;
	status = tell(instance, "load", PLUGIN_LOAD_STATUS, error);
	if (status)
		free(instance);
	else
		*out = instance;
	return status;
}

static enum nx_status start(void *instance, struct nx_error *error)
{
	return tell(instance, "start", PLUGIN_START_STATUS, error);
}

static enum nx_status reload(void *instance, struct nx_error *error)
{
	return tell(instance, "reload", PLUGIN_RELOAD_STATUS, error);
}

static void stop(void *instance)
{
	tell(instance, "stop", NX_OK, NULL);
}

static void unload(void *instance)
{
	tell(instance, "unload", NX_OK, NULL);
	free(instance);
}

static __attribute__((unused)) enum nx_status device_check(void *instance, const struct nx_json *device,
							   struct nx_error *error)
{
	(void)device;
	return tell(instance, "check", NX_DENIED, error);
}

static const struct nx_relay_server_ops ops = {
	.size = PLUGIN_OPS_SIZE,
	.device_check = PLUGIN_DEVICE_CHECK,
};

static const struct nx_provide provides[] = {{PLUGIN_KIND, PLUGIN_KEY, &ops}};

#ifdef PLUGIN_NEED_KEY
static const struct nx_need needs[] = {{"relay", PLUGIN_NEED_KEY, PLUGIN_NEED_SOFT}};
#endif

static const struct nx_config_key config_keys[] __attribute__((unused)) = {
	{"size", (enum nx_config_type)PLUGIN_KEY_TYPE, PLUGIN_DEFAULT, 1, 10, true, "How large", NULL},
};

#ifdef PLUGIN_COLUMN
static const struct nx_field fields[] = {
	{NX_RESOURCE_DEVICE, "own_note", PLUGIN_COLUMN, (enum nx_field_type)PLUGIN_FIELD_TYPE,
	 NX_MEANING_PLAIN, 0, ""},
};
#endif

static const struct nx_migration migrations[] = {
	{PLUGIN_MIGRATION, "first", "SELECT 1", PLUGIN_DOWN},
};

static const struct nx_plugin plugin = {
	.magic = PLUGIN_MAGIC,
	.size = PLUGIN_SIZE,
	.abi_major = PLUGIN_MAJOR,
	.abi_minor = PLUGIN_MINOR,
	.role = PLUGIN_ROLE,
	.name = PLUGIN_SAYS_NAME,
	.version = PLUGIN_VERSION,
	.license = "Apache-2.0",
	.summary = "Says what is done with it",
	.provides = NX_TABLE(provides),
#ifdef PLUGIN_NEED_KEY
	.needs = NX_TABLE(needs),
#endif
	.config_keys = {PLUGIN_KEYS_ROWS, 1, PLUGIN_KEYS_ROW_SIZE},
#ifdef PLUGIN_COLUMN
	.fields = NX_TABLE(fields),
#endif
	.migrations = NX_TABLE(migrations),
	.load = PLUGIN_LOAD,
	.start = start,
	.reload = reload,
	.stop = stop,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
