/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration share; nobody else includes it. */
#ifndef NX_BASE_CONFIG_INTERNAL_H
#define NX_BASE_CONFIG_INTERNAL_H

#include "base/config.h"

struct config_section {
	char *name;
	struct nx_table keys;
};

/* What a source says, not judged yet. All strings are owned. */
struct config_setting {
	char *section; /* NULL in an option that is not looked up yet */
	char *name;
	char *value; /* NULL: an option without a value */
	char *source;
	bool separate; /* the option's value was an argument of its own */
};

struct config_settings {
	struct config_setting *items;
	size_t count;
};

/* A judged value. It owns its strings: a plugin's table may be gone before it. */
struct config_value {
	char *section;
	char *name;
	char *text;
	char *source;
	enum nx_config_type type;
	bool reloadable;
	int64_t number; /* INTEGER, DURATION in seconds, BOOLEAN as 0 or 1 */
};

struct config_values {
	size_t count;
	bool complete; /* made by nx_config_load(), not by nx_config_load_early() */
	struct config_value items[];
};

struct nx_config {
	char *prefix;
	struct config_section *sections;
	size_t section_count;
	struct config_settings options; /* the command line, in its order */
	char **given;			/* valueless options that are the program's */
	size_t given_count;
	_Atomic(struct config_values *) current;
	struct config_values *previous; /* its strings may still be in use */
};

/* --- config.c --- */
const struct config_section *config_find_section(const struct nx_config *config, const char *name);
bool config_find_key(const struct nx_table *keys, const char *name, struct nx_config_key *out);
/* The section whose key has this flag, or the own section when it has a key of this name. */
const struct config_section *config_find_option(const struct nx_config *config, const char *option,
						struct nx_config_key *out);
const struct config_value *config_find_value(const struct nx_config *config, const char *section,
					     const char *key);

/* --- config_value.c --- */
/* Judge one value; the message says what would be right, not where the value stands. */
enum nx_status config_value_parse(const struct nx_config_key *key, const char *text, int64_t *number,
				  struct nx_error *error);

/* --- config_sources.c --- */
/* Append one setting; the strings are copied, but for `source`, which is taken. */
struct config_setting *config_settings_add(struct config_settings *settings, const char *section,
					   const char *name, const char *value, char *source);
void config_settings_free(struct config_settings *settings);
enum nx_status config_read_file(const char *path, bool must_exist, struct config_settings *out,
				struct nx_error *error);
void config_read_environment(const struct nx_config *config, struct config_settings *out);
/* Name the environment variable of a key or (with `section` NULL) of a flag; to be freed. */
char *config_environment_name(const struct nx_config *config, const char *section, const char *name);

/* --- config_options.c --- */
/* Turn the remembered options into settings. Without `strict` unknown ones are passed over. */
enum nx_status config_resolve_options(const struct nx_config *config, bool strict,
				      struct config_settings *out, struct nx_error *error);

#endif
