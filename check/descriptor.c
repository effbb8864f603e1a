/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes in a descriptor: what a program would refuse, and what it could not know. */
#include <string.h>

#include "base/config.h"
#include "base/memory.h"
#include "check/check.h"

struct part {
	enum nx_plugin_part part;
	const char *check;
};

static const struct part parts[] = {
	{NX_PART_TEXTS, "descriptor.texts"},   {NX_PART_PROVIDES, "descriptor.provides"},
	{NX_PART_NEEDS, "descriptor.needs"},   {NX_PART_CONFIGURATION, "descriptor.configuration"},
	{NX_PART_FIELDS, "descriptor.fields"}, {NX_PART_MIGRATIONS, "descriptor.migrations"},
};

/* The path that a message begins with is known already. */
static const char *without_path(const struct nx_plugins *plugins, const char *message)
{
	const char *path = nx_plugins_at(plugins, 0)->path;
	size_t length = strlen(path);

	return strncmp(message, path, length) == 0 ? message + length + strspn(message + length, ": ")
						   : message;
}

static void config_release(struct nx_config **config)
{
	nx_config_free(*config);
}

/* Duplicate keys and defaults that do not fit show when they are declared. */
static enum nx_status keys_declare(const struct nx_plugins *plugins, struct nx_error *error)
{
	NX_CLEANUP(config_release) struct nx_config *config = nx_config_new("NEXODUS_PLUGIN_CHECK");

	return nx_config_declare(config, "plugin", &nx_plugins_at(plugins, 0)->plugin->config_keys, error);
}

static enum nx_status part_judge(const struct nx_plugins *plugins, enum nx_plugin_part part,
				 struct nx_error *error)
{
	enum nx_status status = nx_plugin_part_judge(plugins, part, error);

	return !status && part == NX_PART_CONFIGURATION ? keys_declare(plugins, error) : status;
}

bool descriptor_check(struct nx_plugins *plugins,
		      void (*tell)(void *context, const char *check, enum check_result result,
				   const char *detail),
		      void *context)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer wrong = {0};
	bool fit = true, schema = true;

	for (size_t i = 0; i < NX_COUNT(parts); i++) {
		struct nx_error error = {0};
		bool good = part_judge(plugins, parts[i].part, &error) == NX_OK;

		tell(context, parts[i].check, good ? CHECK_OK : CHECK_FAILED,
		     without_path(plugins, error.message));
		fit &= good;
		schema &= good || parts[i].part < NX_PART_FIELDS;
	}
	if (!schema) {
		tell(context, "descriptor.columns", CHECK_SKIPPED,
		     "fields or migrations are wrong by themselves");
		return false;
	}
	columns_check(nx_plugins_at(plugins, 0)->plugin, &wrong);
	tell(context, "descriptor.columns", wrong.length ? CHECK_FAILED : CHECK_OK,
	     wrong.length ? wrong.data : "");
	return fit && !wrong.length;
}
