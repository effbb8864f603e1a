/* SPDX-License-Identifier: Apache-2.0 */
/* The file and the environment. */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/config_internal.h"
#include "base/memory.h"
#include "base/table.h"

struct config_setting *config_settings_add(struct config_settings *settings, const char *section,
					   const char *name, const char *value, char *source)
{
	struct config_setting *setting;

	settings->items = nx_realloc_array(settings->items, settings->count + 1, sizeof(*settings->items));
	setting = &settings->items[settings->count++];
	*setting = (struct config_setting){
		.section = nx_strdup(section),
		.name = nx_strdup(name),
		.value = nx_strdup(value),
	};
	setting->source = source;
	return setting;
}

void config_settings_free(struct config_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->items[i].section);
		free(settings->items[i].name);
		free(settings->items[i].value);
		free(settings->items[i].source);
	}
	free(settings->items);
	*settings = (struct config_settings){0};
}

/* --- the file ---------------------------------------------------------------------- */

struct reading {
	FILE *file;
	const char *path;
	int line;
	struct config_settings *out;
	enum nx_status status;
	struct nx_error error;
};

static void refuse_line(struct reading *reading, const char *what)
{
	if (reading->status == NX_OK)
		reading->status = nx_fail(&reading->error, NX_INVALID, NULL, "file %.160s:%d: %s",
					  reading->path, reading->line, what);
}

/*
 * inih's reader, which is asked once for each line: so lines are counted here. Leading
 * space is dropped, because inih would take an indented line for more of the value
 * before it; a line that does not fit is refused, because inih would take the rest of
 * it for a line.
 */
static char *read_line(char *line, int room, void *context)
{
	NX_AUTO_FREE char *message = NULL;
	struct reading *reading = context;
	size_t length;

	if (reading->status || !fgets(line, room, reading->file))
		return NULL;
	reading->line++;
	length = strlen(line);
	if (length + 1 == (size_t)room && line[length - 1] != '\n') {
		message = nx_printf("the line is longer than %d bytes", room - 2);
		refuse_line(reading, message);
		return NULL;
	}
	memmove(line, line + strspn(line, " \t"), length - strspn(line, " \t") + 1);
	return line;
}

static int take_setting(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	NX_AUTO_FREE char *message = NULL;

	if (section[0] == '\0') {
		refuse_line(reading, "a key stands before the first [section]");
		return 1;
	}
	for (size_t i = 0; i < reading->out->count; i++) {
		const struct config_setting *before = &reading->out->items[i];

		if (strcmp(before->section, section) == 0 && strcmp(before->name, name) == 0) {
			message = nx_printf("%.64s.%.64s is set twice; first by %s", section, name,
					    before->source);
			refuse_line(reading, message);
			return 1;
		}
	}
	config_settings_add(reading->out, section, name, value,
			    nx_printf("file %s:%d", reading->path, reading->line));
	return 1;
}

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

enum nx_status config_read_file(const char *path, bool must_exist, struct config_settings *out,
				struct nx_error *error)
{
	NX_CLEANUP(close_file) FILE *file = path ? fopen(path, "re") : NULL;
	struct reading reading = {.file = file, .path = path, .out = out};
	int bad_line;

	if (!path || (!file && errno == ENOENT && !must_exist))
		return NX_OK;
	if (!file)
		return nx_fail(error, errno == ENOENT ? NX_NOT_FOUND : NX_INVALID, NULL,
			       "cannot open the configuration file %s: %s", path, strerror(errno));
	bad_line = ini_parse_stream(read_line, &reading, take_setting, &reading);
	if (ferror(file))
		return nx_fail(error, NX_INVALID, NULL, "cannot read the configuration file %s", path);
	if (bad_line > 0 && (reading.status == NX_OK || bad_line < reading.line)) {
		reading.status = NX_OK;
		reading.line = bad_line;
		refuse_line(&reading, "expected [section] or key = value");
	}
	if (reading.status && error)
		*error = reading.error;
	return reading.status;
}

/* --- the environment ---------------------------------------------------------------- */

static void append_capitals(struct nx_buffer *name, const char *text)
{
	nx_buffer_append(name, "_", 1);
	for (; *text; text++) {
		char letter = (char)toupper((unsigned char)*text);

		if (letter == '-' || letter == '.')
			letter = '_';
		nx_buffer_append(name, &letter, 1);
	}
}

char *config_environment_name(const struct nx_config *config, const char *section, const char *name)
{
	struct nx_buffer made = {0};

	nx_buffer_text(&made, config->prefix);
	if (section && strcmp(section, config->sections[0].name) != 0)
		append_capitals(&made, section);
	append_capitals(&made, name);
	return nx_buffer_take(&made);
}

static void read_variable(const struct nx_config *config, const struct config_section *section,
			  const char *key, const char *flag, struct config_settings *out)
{
	NX_AUTO_FREE char *variable =
		config_environment_name(config, flag ? NULL : section->name, flag ? flag : key);
	const char *value = getenv(variable);

	if (value)
		config_settings_add(out, section->name, key, value, nx_printf("environment %s", variable));
}

void config_read_environment(const struct nx_config *config, struct config_settings *out)
{
	for (size_t i = 0; i < config->section_count; i++) {
		const struct config_section *section = &config->sections[i];

		for (uint32_t row = 0; row < section->keys.count; row++) {
			struct nx_config_key key;

			nx_table_row(&section->keys, row, &key, sizeof(key));
			read_variable(config, section, key.name, NULL, out);
			if (key.flag)
				read_variable(config, section, key.name, key.flag, out);
		}
	}
}
