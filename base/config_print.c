/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as a person reads it. */
#include <string.h>

#include "base/config_internal.h"
#include "base/memory.h"
#include "base/table.h"

#define HELP_COLUMN 32

/* --- help -------------------------------------------------------------------------------- */

static const char *type_word(enum nx_config_type type)
{
	switch (type) {
	case NX_CONFIG_INTEGER:
		return "NUMBER";
	case NX_CONFIG_DURATION:
		return "DURATION";
	case NX_CONFIG_PREFIX:
		return "PREFIX";
	case NX_CONFIG_STRING:
	case NX_CONFIG_BOOLEAN:
		break;
	}
	return "TEXT";
}

static void print_option(const struct nx_config_key *key, const char *option, FILE *out)
{
	int width;

	if (key->type == NX_CONFIG_BOOLEAN)
		width = fprintf(out, "  --[no-]%s", option);
	else
		width = fprintf(out, "  --%s=%s", option, type_word(key->type));
	if (width >= HELP_COLUMN - 1)
		width = fprintf(out, "\n") - 1;
	fprintf(out, "%*s%s", HELP_COLUMN - width, "", key->summary);
	if (key->fallback[0] != '\0')
		fprintf(out, " [%s]", key->fallback);
	fputc('\n', out);
}

void nx_config_help(const struct nx_config *config, FILE *out)
{
	for (size_t i = 0; i < config->section_count; i++) {
		const struct nx_table *keys = &config->sections[i].keys;

		for (uint32_t row = 0; row < keys->count; row++) {
			struct nx_config_key key;

			nx_table_row(keys, row, &key, sizeof(key));
			if (i == 0)
				print_option(&key, key.name, out);
			if (key.flag)
				print_option(&key, key.flag, out);
		}
	}
	fprintf(out, "  %-*s%s\n", HELP_COLUMN - 2, "--set=SECTION.KEY=VALUE",
		"Any key of any section, a plugin's too");
}

/* --- all values --------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);
	size_t tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool is_secret(const struct config_value *value)
{
	static const char *const endings[] = {"password", "secret", "token", "key"};

	for (size_t i = 0; i < NX_COUNT(endings); i++) {
		if (ends_with(value->name, endings[i]))
			return true;
	}
	return strstr(value->text, "password=") != NULL; /* a database's connection string */
}

/* "scheme://user:password@host": where the password is, and how long. */
static const char *find_password(const char *text, size_t *length)
{
	const char *authority = strstr(text, "://");
	const char *at = authority ? strchr(authority + 3, '@') : NULL;
	const char *colon = at ? memchr(authority + 3, ':', (size_t)(at - authority - 3)) : NULL;

	if (!colon)
		return NULL;
	*length = (size_t)(at - colon - 1);
	return colon + 1;
}

static void print_text(const char *text, size_t length, FILE *out)
{
	for (size_t i = 0; i < length; i++)
		fputc((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i], out);
}

static void print_value(const struct config_value *value, FILE *out)
{
	const char *text = value->text;
	const char *password;
	size_t length;

	if (text[0] != '\0' && is_secret(value)) {
		fputs("(set)", out);
		return;
	}
	password = find_password(text, &length);
	if (password) {
		print_text(text, (size_t)(password - text), out);
		fputs("(set)", out);
		text = password + length;
	}
	print_text(text, strlen(text), out);
}

void nx_config_print(const struct nx_config *config, FILE *out)
{
	for (size_t i = 0; i < config->section_count; i++) {
		const struct config_section *section = &config->sections[i];

		fprintf(out, "%s[%s]\n", i ? "\n" : "", section->name);
		for (uint32_t row = 0; row < section->keys.count; row++) {
			const struct config_value *value;
			struct nx_config_key key;

			nx_table_row(&section->keys, row, &key, sizeof(key));
			value = config_find_value(config, section->name, key.name);
			fprintf(out, "# %s (%s)\n%s = ", key.summary, value->source, key.name);
			print_value(value, out);
			fputc('\n', out);
		}
	}
}
