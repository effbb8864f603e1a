/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/config_internal.h"
#include "base/memory.h"
#include "base/table.h"

/* --- life ------------------------------------------------------------------------------ */

struct nx_config *nx_config_new(const char *environment_prefix)
{
	struct nx_config *config = nx_alloc(sizeof(*config));

	config->prefix = nx_strdup(environment_prefix);
	return config;
}

static void values_free(struct config_values *values)
{
	if (!values)
		return;
	for (size_t i = 0; i < values->count; i++) {
		free(values->items[i].section);
		free(values->items[i].name);
		free(values->items[i].text);
		free(values->items[i].source);
	}
	free(values);
}

static void values_cleanup(struct config_values **values)
{
	values_free(*values);
}

void nx_config_free(struct nx_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->section_count; i++)
		free(config->sections[i].name);
	for (size_t i = 0; i < config->given_count; i++)
		free(config->given[i]);
	config_settings_free(&config->options);
	values_free(config->previous);
	values_free(atomic_load(&config->current));
	free(config->sections);
	free(config->given);
	free(config->prefix);
	free(config);
}

/* --- declarations ------------------------------------------------------------------------- */

const struct config_section *config_find_section(const struct nx_config *config, const char *name)
{
	for (size_t i = 0; i < config->section_count; i++) {
		if (strcmp(config->sections[i].name, name) == 0)
			return &config->sections[i];
	}
	return NULL;
}

bool config_find_key(const struct nx_table *keys, const char *name, struct nx_config_key *out)
{
	for (uint32_t row = 0; row < keys->count; row++) {
		nx_table_row(keys, row, out, sizeof(*out));
		if (strcmp(out->name, name) == 0)
			return true;
	}
	return false;
}

static bool find_flag(const struct nx_table *keys, const char *flag, struct nx_config_key *out)
{
	for (uint32_t row = 0; row < keys->count; row++) {
		nx_table_row(keys, row, out, sizeof(*out));
		if (out->flag && strcmp(out->flag, flag) == 0)
			return true;
	}
	return false;
}

const struct config_section *config_find_option(const struct nx_config *config, const char *option,
						struct nx_config_key *out)
{
	if (config->section_count > 0 && config_find_key(&config->sections[0].keys, option, out))
		return &config->sections[0];
	for (size_t i = 0; i < config->section_count; i++) {
		if (find_flag(&config->sections[i].keys, option, out))
			return &config->sections[i];
	}
	return NULL;
}

/* Is the name, or the option, one that another key has? `before` holds the rows above. */
static enum nx_status check_taken(const struct nx_config *config, const char *section,
				  const struct nx_table *before, const struct nx_config_key *key,
				  struct nx_error *error)
{
	struct nx_config_key taken;

	if (config_find_key(before, key->name, &taken))
		return nx_fail(error, NX_CONFLICT, NULL, "[%s]: the key \"%s\" stands there twice", section,
			       key->name);
	if (key->flag &&
	    (config_find_option(config, key->flag, &taken) || find_flag(before, key->flag, &taken)))
		return nx_fail(error, NX_CONFLICT, NULL, "[%s]: the option --%.64s of \"%s\" is taken",
			       section, key->flag, key->name);
	return NX_OK;
}

static enum nx_status check_key(const char *section, const struct nx_config_key *key, struct nx_error *error)
{
	struct nx_error inner;
	int64_t number;

	if (!key->name || key->name[0] == '\0' ||
	    key->name[strspn(key->name, "abcdefghijklmnopqrstuvwxyz0123456789-.")])
		return nx_fail(error, NX_INVALID, NULL,
			       "[%s]: a configuration key is named \"%.64s\"; expected [a-z0-9.-]+", section,
			       key->name ? key->name : "");
	if (!key->fallback || !key->summary)
		return nx_fail(error, NX_INVALID, NULL, "[%s]: the key \"%s\" has no %s", section, key->name,
			       key->fallback ? "summary" : "default");
	if (config_value_parse(key, key->fallback, &number, &inner))
		return nx_fail(error, NX_INVALID, NULL, "[%s]: the default of \"%s\" is not fit: %s", section,
			       key->name, inner.message);
	return NX_OK;
}

enum nx_status nx_config_declare(struct nx_config *config, const char *section, const struct nx_table *keys,
				 struct nx_error *error)
{
	struct nx_table before = *keys;

	if (config_find_section(config, section))
		return nx_fail(error, NX_CONFLICT, NULL, "the configuration section [%s] is taken", section);
	for (before.count = 0; before.count < keys->count; before.count++) {
		struct nx_config_key key;
		enum nx_status status;

		nx_table_row(keys, before.count, &key, sizeof(key));
		status = check_key(section, &key, error);
		if (!status)
			status = check_taken(config, section, &before, &key, error);
		if (status)
			return status;
	}
	config->sections =
		nx_realloc_array(config->sections, config->section_count + 1, sizeof(*config->sections));
	config->sections[config->section_count++] =
		(struct config_section){.name = nx_strdup(section), .keys = *keys};
	return NX_OK;
}

void nx_config_withdraw(struct nx_config *config, const char *section)
{
	for (size_t i = 0; i < config->section_count; i++) {
		if (strcmp(config->sections[i].name, section) != 0)
			continue;
		free(config->sections[i].name);
		config->section_count--;
		memmove(&config->sections[i], &config->sections[i + 1],
			(config->section_count - i) * sizeof(*config->sections));
		return;
	}
}

/* --- values --------------------------------------------------------------------------------- */

static struct config_value *find_value(struct config_values *values, const char *section, const char *key)
{
	for (size_t i = 0; values && i < values->count; i++) {
		struct config_value *value = &values->items[i];

		if (strcmp(value->name, key) == 0 && strcmp(value->section, section) == 0)
			return value;
	}
	return NULL;
}

static size_t count_keys(const struct nx_config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->section_count; i++)
		count += config->sections[i].keys.count;
	return count;
}

/* All keys with their defaults, which nx_config_declare() has judged. */
static struct config_values *values_default(const struct nx_config *config, bool complete)
{
	size_t room = count_keys(config);
	struct config_values *values = nx_alloc(sizeof(*values) + room * sizeof(values->items[0]));

	values->complete = complete;
	for (size_t i = 0; i < config->section_count; i++) {
		const struct config_section *section = &config->sections[i];

		for (uint32_t row = 0; row < section->keys.count; row++) {
			struct config_value *value = &values->items[values->count++];
			struct nx_config_key key;

			nx_table_row(&section->keys, row, &key, sizeof(key));
			value->section = nx_strdup(section->name);
			value->name = nx_strdup(key.name);
			value->text = nx_strdup(key.fallback);
			value->source = nx_strdup("default");
			value->type = key.type;
			value->reloadable = key.reloadable;
			config_value_parse(&key, key.fallback, &value->number, NULL);
		}
	}
	return values;
}

static enum nx_status refuse_key(const struct config_section *section, const struct config_setting *setting,
				 struct nx_error *error)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer known = {0};

	for (uint32_t row = 0; row < section->keys.count; row++) {
		struct nx_config_key key;

		nx_table_row(&section->keys, row, &key, sizeof(key));
		nx_buffer_printf(&known, "%s%s", row ? ", " : "", key.name);
	}
	return nx_fail(error, NX_INVALID, NULL, "%s: unknown key \"%.64s\" in [%s]; known are: %s",
		       setting->source, setting->name, section->name, known.data ? known.data : "none");
}

static enum nx_status apply_setting(const struct nx_config *config, struct config_values *values,
				    const struct config_setting *setting, struct nx_error *error)
{
	const struct config_section *section = config_find_section(config, setting->section);
	struct config_value *value;
	struct nx_config_key key;
	struct nx_error inner;

	if (!section && !values->complete)
		return NX_OK;
	if (!section)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: unknown section [%.64s]; no part of the program, and no plugin that is "
			       "loaded, has it",
			       setting->source, setting->section);
	value = find_value(values, section->name, setting->name);
	if (!value || !config_find_key(&section->keys, setting->name, &key))
		return refuse_key(section, setting, error);
	if (config_value_parse(&key, setting->value, &value->number, &inner))
		return nx_fail(error, NX_INVALID, NULL, "%s: %s.%s: %s", setting->source, section->name,
			       key.name, inner.message);
	free(value->text);
	free(value->source);
	value->text = nx_strdup(setting->value);
	value->source = nx_strdup(setting->source);
	return NX_OK;
}

/* --- loading -------------------------------------------------------------------------------- */

/* From the first complete load on, what is not reloadable stays as it is. */
static enum nx_status check_unchanged(struct config_values *before, struct config_values *after,
				      struct nx_error *error)
{
	if (!before || !before->complete)
		return NX_OK;
	for (size_t i = 0; i < after->count; i++) {
		const struct config_value *value = &after->items[i];
		const struct config_value *old = find_value(before, value->section, value->name);

		if (!old || value->reloadable || strcmp(old->text, value->text) == 0)
			continue;
		return nx_fail(error, NX_CONFLICT, NULL, "%s: %s.%s cannot change without a restart",
			       value->source, value->section, value->name);
	}
	return NX_OK;
}

static void publish(struct nx_config *config, struct config_values *values)
{
	values_free(config->previous);
	config->previous = atomic_exchange(&config->current, values);
}

static enum nx_status load(struct nx_config *config, const char *path, bool must_exist, bool complete,
			   struct nx_error *error)
{
	NX_CLEANUP(config_settings_free) struct config_settings settings = {0};
	NX_CLEANUP(values_cleanup) struct config_values *values = values_default(config, complete);
	enum nx_status status = config_read_file(path, must_exist, &settings, error);

	if (status)
		return status;
	config_read_environment(config, &settings);
	status = config_resolve_options(config, complete, &settings, error);
	for (size_t i = 0; !status && i < settings.count; i++)
		status = apply_setting(config, values, &settings.items[i], error);
	if (!status && complete)
		status = check_unchanged(atomic_load(&config->current), values, error);
	if (!status)
		publish(config, NX_TAKE(values));
	return status;
}

enum nx_status nx_config_load_early(struct nx_config *config, const char *path, bool must_exist,
				    struct nx_error *error)
{
	return load(config, path, must_exist, false, error);
}

enum nx_status nx_config_load(struct nx_config *config, const char *path, bool must_exist,
			      struct nx_error *error)
{
	return load(config, path, must_exist, true, error);
}

void nx_config_revert(struct nx_config *config)
{
	if (config->previous)
		config->previous = atomic_exchange(&config->current, config->previous);
}

bool nx_config_loaded(const struct nx_config *config)
{
	return atomic_load(&config->current) != NULL;
}

/* --- reading ---------------------------------------------------------------------------------- */

const struct config_value *config_find_value(const struct nx_config *config, const char *section,
					     const char *key)
{
	const struct config_value *value = find_value(atomic_load(&config->current), section, key);

	if (!value)
		abort();
	return value;
}

const char *nx_config_string(const struct nx_config *config, const char *section, const char *key)
{
	return config_find_value(config, section, key)->text;
}

int64_t nx_config_integer(const struct nx_config *config, const char *section, const char *key)
{
	const struct config_value *value = config_find_value(config, section, key);

	if (value->type != NX_CONFIG_INTEGER && value->type != NX_CONFIG_DURATION)
		abort();
	return value->number;
}

bool nx_config_boolean(const struct nx_config *config, const char *section, const char *key)
{
	const struct config_value *value = config_find_value(config, section, key);

	if (value->type != NX_CONFIG_BOOLEAN)
		abort();
	return value->number != 0;
}

const char *nx_config_source(const struct nx_config *config, const char *section, const char *key)
{
	return config_find_value(config, section, key)->source;
}
