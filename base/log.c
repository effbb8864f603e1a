/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/log_output.h"
#include "base/memory.h"
#include "base/utf8.h"

static const char *const level_names[] = {
	[NX_LOG_ERROR] = "error",
	[NX_LOG_WARNING] = "warning",
	[NX_LOG_INFO] = "info",
	[NX_LOG_DEBUG] = "debug",
};

static const char *const format_names[] = {
	[NX_LOG_AUTO] = "auto",
	[NX_LOG_HUMAN] = "human",
	[NX_LOG_KEYVALUE] = "key-value",
	[NX_LOG_JSON] = "json",
};

static struct {
	const char *_Atomic program;
	atomic_int level;
	atomic_int format;
} settings = {.program = "nexodus", .level = NX_LOG_INFO, .format = NX_LOG_KEYVALUE};

void nx_log_setup(const char *program, enum nx_log_level level, enum nx_log_format format)
{
	if (format == NX_LOG_AUTO)
		format = isatty(STDERR_FILENO) ? NX_LOG_HUMAN : NX_LOG_KEYVALUE;
	settings.program = program;
	atomic_store(&settings.level, (int)level);
	atomic_store(&settings.format, (int)format);
}

bool nx_log_level_parse(const char *text, enum nx_log_level *out)
{
	for (size_t i = NX_LOG_ERROR; i < NX_COUNT(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum nx_log_level)i;
			return true;
		}
	}
	return false;
}

bool nx_log_format_parse(const char *text, enum nx_log_format *out)
{
	for (size_t i = 0; i < NX_COUNT(format_names); i++) {
		if (strcmp(text, format_names[i]) == 0) {
			*out = (enum nx_log_format)i;
			return true;
		}
	}
	return false;
}

bool nx_log_enabled(enum nx_log_level level)
{
	return (int)level <= atomic_load_explicit(&settings.level, memory_order_relaxed);
}

/* --- what a person's terminal shows ------------------------------------------------ */

/* Controls, line and paragraph separators, and marks that turn the reading direction. */
static bool is_treacherous(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
	       (character >= 0x200b && character <= 0x200f) || (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2060 && character <= 0x206f) || character == 0xfeff;
}

static void write_escape(struct nx_buffer *line, uint32_t character)
{
	switch (character) {
	case '\n':
		nx_buffer_text(line, "\\n");
		break;
	case '\r':
		nx_buffer_text(line, "\\r");
		break;
	case '\t':
		nx_buffer_text(line, "\\t");
		break;
	default:
		nx_buffer_printf(line, character < 0x80 ? "\\x%02x" : "\\u%04x", character);
	}
}

static void write_escaped(struct nx_buffer *line, const char *text, bool quoted)
{
	const char *end = text + strlen(text);

	while (text < end) {
		uint32_t character;
		size_t length = nx_utf8_decode(text, (size_t)(end - text), &character);

		if (length == 0) {
			nx_buffer_printf(line, "\\x%02x", (unsigned char)*text);
			length = 1;
		} else if (is_treacherous(character)) {
			write_escape(line, character);
		} else {
			if (character == '\\' || (quoted && character == '"'))
				nx_buffer_append(line, "\\", 1);
			nx_buffer_append(line, text, length);
		}
		text += length;
	}
}

/* Bare when nobody could take it for anything else, quoted otherwise. */
static void write_value(struct nx_buffer *line, const char *text)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.:/@+[]*%,";

	if (text[0] != '\0' && text[strspn(text, bare)] == '\0') {
		nx_buffer_text(line, text);
		return;
	}
	nx_buffer_append(line, "\"", 1);
	write_escaped(line, text, true);
	nx_buffer_append(line, "\"", 1);
}

/* --- a line -------------------------------------------------------------------------- */

static void write_pair(struct nx_buffer *line, enum nx_log_format format, const char *key, const char *value)
{
	if (format == NX_LOG_JSON) {
		nx_buffer_append(line, ",", 1);
		nx_json_write_string(line, key);
		nx_buffer_append(line, ":", 1);
		nx_json_write_string(line, value);
	} else {
		nx_buffer_printf(line, " %s=", key);
		write_value(line, value);
	}
}

static void write_time(char *text, size_t room, bool local)
{
	struct timespec now;
	struct tm parts;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	if (local) {
		localtime_r(&now.tv_sec, &parts);
		strftime(text, room, "%H:%M:%S", &parts);
		return;
	}
	gmtime_r(&now.tv_sec, &parts);
	used = strftime(text, room, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, room - used, ".%03ldZ", now.tv_nsec / 1000000);
}

static void start_line(struct nx_buffer *line, enum nx_log_format format, enum nx_log_level level,
		       const char *component, const char *event)
{
	char now[40];

	write_time(now, sizeof(now), format == NX_LOG_HUMAN);
	if (format == NX_LOG_HUMAN) {
		nx_buffer_printf(line, "%s %-7s ", now, level_names[level]);
		if (component)
			nx_buffer_printf(line, "%s: ", component);
		write_escaped(line, event, false);
		return;
	}
	if (format == NX_LOG_JSON)
		nx_buffer_printf(line, "{\"time\":\"%s\"", now);
	else
		nx_buffer_printf(line, "time=%s", now);
	write_pair(line, format, "level", level_names[level]);
	write_pair(line, format, "program", settings.program);
	if (component)
		write_pair(line, format, "component", component);
	write_pair(line, format, "event", event);
}

static void end_line(struct nx_buffer *line, enum nx_log_format format)
{
	nx_buffer_text(line, format == NX_LOG_JSON ? "}\n" : "\n");
	nx_log_output(line->data, line->length);
}

/* Somebody reads again: what is missing is told, before it goes on. */
static void tell_dropped(enum nx_log_format format)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer line = {0};
	uint64_t dropped = nx_log_output_dropped();
	char lines[24];

	if (!dropped)
		return;
	snprintf(lines, sizeof(lines), "%llu", (unsigned long long)dropped);
	start_line(&line, format, NX_LOG_WARNING, NULL, "lines of this log were dropped: nobody read them");
	write_pair(&line, format, "lines", lines);
	end_line(&line, format);
}

static void send_line(struct nx_buffer *line, enum nx_log_format format)
{
	tell_dropped(format);
	end_line(line, format);
}

static enum nx_log_format current_format(void)
{
	return (enum nx_log_format)atomic_load_explicit(&settings.format, memory_order_relaxed);
}

void nx_log(enum nx_log_level level, const char *event, ...)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer line = {0};
	enum nx_log_format format = current_format();
	int saved = errno;
	const char *key;
	va_list pairs;

	if (!nx_log_enabled(level))
		return;
	start_line(&line, format, level, NULL, event);
	va_start(pairs, event);
	while ((key = va_arg(pairs, const char *))) {
		const char *value = va_arg(pairs, const char *);

		if (value)
			write_pair(&line, format, key, value);
	}
	va_end(pairs);
	send_line(&line, format);
	errno = saved;
}

void nx_log_text(enum nx_log_level level, const char *component, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	nx_log_vtext(level, component, format, arguments);
	va_end(arguments);
}

void nx_log_vtext(enum nx_log_level level, const char *component, const char *format,
		  __builtin_va_list arguments)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer line = {0};
	NX_AUTO_FREE char *text = NULL;
	enum nx_log_format shape = current_format();
	int saved = errno;

	if (!nx_log_enabled(level))
		return;
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	start_line(&line, shape, level, component, text);
	send_line(&line, shape);
	errno = saved;
}
