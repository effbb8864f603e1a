/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs of programs. One line per event to standard error: for a person when it
 * is a terminal, otherwise `key=value` or JSON as configured. Values from
 * outside are escaped, so that no text can forge a line or move a cursor.
 * Thread-safe; a line is one write(). Never waits long for whoever reads them:
 * lines are dropped instead, and their number told later.
 */
#ifndef NX_BASE_LOG_H
#define NX_BASE_LOG_H

#include <stdbool.h>

#include <nexodus/plugin.h> /* enum nx_log_level */

enum nx_log_format {
	NX_LOG_AUTO = 0, /* human on a terminal, key=value otherwise */
	NX_LOG_HUMAN,
	NX_LOG_KEYVALUE,
	NX_LOG_JSON,
};

/* Call before threads start; again on reload. `program` lives as long as the process. */
void nx_log_setup(const char *program, enum nx_log_level level, enum nx_log_format format);
bool nx_log_level_parse(const char *text, enum nx_log_level *out);   /* error, warning, info, debug */
bool nx_log_format_parse(const char *text, enum nx_log_format *out); /* auto, human, key-value, json */
bool nx_log_enabled(enum nx_log_level level);

/*
 * nx_log(NX_LOG_INFO, "device registered", "id", id, "org", org, NULL): an event
 * and pairs of key and text value, ended by NULL. A NULL value leaves its pair out.
 */
void nx_log(enum nx_log_level level, const char *event, ...) __attribute__((sentinel));
/* A plain sentence, printf-like, on behalf of `component` (NULL: the program itself). */
void nx_log_text(enum nx_log_level level, const char *component, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void nx_log_vtext(enum nx_log_level level, const char *component, const char *format,
		  __builtin_va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
