/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. It is cut into options before the plugins have declared theirs, and
 * looked up when they have. An option that nobody knows yet takes the argument after it
 * along, unless that begins with "--"; if it turns out to be a BOOLEAN, which takes no
 * separate value, that argument is refused then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config_internal.h"
#include "base/memory.h"

static bool is_listed(const char *const *names, const char *name)
{
	for (; names && *names; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

/* --- cutting ---------------------------------------------------------------------------- */

static void remember_given(struct nx_config *config, const char *name)
{
	config->given = nx_realloc_array(config->given, config->given_count + 1, sizeof(*config->given));
	config->given[config->given_count++] = nx_strdup(name);
}

bool nx_config_given(const struct nx_config *config, const char *name)
{
	for (size_t i = 0; i < config->given_count; i++) {
		if (strcmp(config->given[i], name) == 0)
			return true;
	}
	return false;
}

/* Is this one known to take no value ("--key" or "--no-key" of a BOOLEAN)? */
static bool is_valueless(const struct nx_config *config, const char *name)
{
	struct nx_config_key key;

	if (config_find_option(config, name, &key))
		return key.type == NX_CONFIG_BOOLEAN;
	return strncmp(name, "no-", 3) == 0 && config_find_option(config, name + 3, &key) &&
	       key.type == NX_CONFIG_BOOLEAN;
}

static void remember_option(struct nx_config *config, const char *name, const char *value, bool separate)
{
	struct config_setting *option =
		config_settings_add(&config->options, NULL, name, value, nx_printf("option --%s", name));

	option->separate = separate;
}

/* Take the option at `arguments[0]`; answers how many arguments it was, 0 on failure. */
static int cut_option(struct nx_config *config, int left, char *const *arguments, const char *const *known,
		      struct nx_error *error)
{
	const char *text = arguments[0] + 2;
	const char *equals = strchr(text, '=');
	NX_AUTO_FREE char *name = nx_printf("%.*s", equals ? (int)(equals - text) : -1, text);

	if (is_listed(known, name)) {
		if (equals) {
			nx_fail(error, NX_INVALID, NULL, "--%s takes no value", name);
			return 0;
		}
		remember_given(config, name);
		return 1;
	}
	if (equals || is_valueless(config, name) || left < 2 || strncmp(arguments[1], "--", 2) == 0) {
		remember_option(config, name, equals ? equals + 1 : NULL, false);
		return 1;
	}
	remember_option(config, name, arguments[1], true);
	return 2;
}

enum nx_status nx_config_arguments(struct nx_config *config, int count, char *const *arguments,
				   const char *const *known, int *first_operand, struct nx_error *error)
{
	int at = 1;

	while (at < count && arguments[at][0] == '-' && arguments[at][1] != '\0') {
		const char *argument = arguments[at];
		int taken;

		if (strcmp(argument, "--") == 0) {
			at++;
			break;
		}
		if (argument[1] != '-') {
			if (!is_listed(known, argument + 1))
				return nx_fail(error, NX_INVALID, NULL, "unknown option %.64s", argument);
			remember_given(config, argument + 1);
			at++;
			continue;
		}
		taken = cut_option(config, count - at, arguments + at, known, error);
		if (taken == 0)
			return NX_INVALID;
		at += taken;
	}
	*first_operand = at < count ? at : count;
	return NX_OK;
}

/* --- looking up ---------------------------------------------------------------------------- */

static void add_copy(struct config_settings *out, const struct config_setting *option, const char *section,
		     const char *name, const char *value)
{
	config_settings_add(out, section, name, value, nx_strdup(option->source));
}

/* --set section.key=value */
static enum nx_status resolve_set(const struct config_setting *option, struct config_settings *out,
				  struct nx_error *error)
{
	const char *text = option->value ? option->value : "";
	const char *dot = strchr(text, '.');
	const char *equals = strchr(text, '=');
	NX_AUTO_FREE char *section = NULL;
	NX_AUTO_FREE char *name = NULL;

	if (!dot || !equals || dot == text || equals <= dot + 1)
		return nx_fail(error, NX_INVALID, NULL, "--set %.64s: expected --set section.key=value",
			       text);
	section = nx_printf("%.*s", (int)(dot - text), text);
	name = nx_printf("%.*s", (int)(equals - dot - 1), dot + 1);
	add_copy(out, option, section, name, equals + 1);
	return NX_OK;
}

/* A BOOLEAN option: "--key", "--key=value". */
static enum nx_status resolve_boolean(const struct config_setting *option, const char *section,
				      const char *name, struct config_settings *out, struct nx_error *error)
{
	if (option->separate)
		return nx_fail(error, NX_INVALID, NULL, "unexpected argument \"%.64s\" after --%s",
			       option->value, option->name);
	add_copy(out, option, section, name, option->value ? option->value : "true");
	return NX_OK;
}

/* "--no-key" of a BOOLEAN. */
static enum nx_status resolve_denial(const struct config_setting *option, const char *section,
				     const char *name, struct config_settings *out, struct nx_error *error)
{
	if (option->value)
		return nx_fail(error, NX_INVALID, NULL, "--%s takes no value (\"%.64s\")", option->name,
			       option->value);
	add_copy(out, option, section, name, "false");
	return NX_OK;
}

static enum nx_status resolve_option(const struct nx_config *config, const struct config_setting *option,
				     bool strict, struct config_settings *out, struct nx_error *error)
{
	const struct config_section *section;
	struct nx_config_key key;

	if (strcmp(option->name, "set") == 0)
		return resolve_set(option, out, error);
	section = config_find_option(config, option->name, &key);
	if (section && key.type == NX_CONFIG_BOOLEAN)
		return resolve_boolean(option, section->name, key.name, out, error);
	if (section && !option->value)
		return nx_fail(error, NX_INVALID, NULL, "--%s needs a value", option->name);
	if (section) {
		add_copy(out, option, section->name, key.name, option->value);
		return NX_OK;
	}
	if (strncmp(option->name, "no-", 3) == 0) {
		section = config_find_option(config, option->name + 3, &key);
		if (section && key.type == NX_CONFIG_BOOLEAN)
			return resolve_denial(option, section->name, key.name, out, error);
	}
	return strict ? nx_fail(error, NX_INVALID, NULL, "unknown option --%.64s", option->name) : NX_OK;
}

enum nx_status config_resolve_options(const struct nx_config *config, bool strict,
				      struct config_settings *out, struct nx_error *error)
{
	for (size_t i = 0; i < config->options.count; i++) {
		enum nx_status status = resolve_option(config, &config->options.items[i], strict, out, error);

		if (status)
			return status;
	}
	return NX_OK;
}
