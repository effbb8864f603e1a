/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration from four sources with one precedence, weakest first: default,
 * file (INI), environment, command line. Keys are declared in tables (the same
 * `struct nx_config_key` that plugins use); an unknown section or key, a value
 * of the wrong type or out of bounds is an error that names source, line and
 * what would be right.
 *
 * Environment: PREFIX_SECTION_KEY in capitals with '-' and '.' as '_'; keys of
 * the program's own section (the first declared) leave SECTION out; a key with
 * a `flag` is PREFIX_FLAG. Command line: `--set section.key=value`, any key of
 * the program's own section as `--key=value` or `--key value`, and any `flag`.
 * A BOOLEAN option needs no value; `--no-key` is its denial.
 *
 * Thread-safe for reading. nx_config_load() replaces all values or none; strings
 * of the previous load stay valid until the load after next. From the second
 * nx_config_load() on, a key that is not reloadable must have the value it had:
 * NX_CONFLICT otherwise.
 */
#ifndef NX_BASE_CONFIG_H
#define NX_BASE_CONFIG_H

#include <stdio.h>

#include <nexodus/plugin.h>

#include "base/error.h"

struct nx_config;

struct nx_config *nx_config_new(const char *environment_prefix); /* "NEXODUS", "NEXD" */
void nx_config_free(struct nx_config *config);
/*
 * Declare a section. `keys` must outlive the config, or be withdrawn before.
 * The first section declared is the program's own. NX_CONFLICT when the name or
 * a flag is taken, NX_INVALID when a row makes no sense (a default out of bounds).
 */
enum nx_status nx_config_declare(struct nx_config *config, const char *section, const struct nx_table *keys,
				 struct nx_error *error);
void nx_config_withdraw(struct nx_config *config, const char *section);

/*
 * Remember the command line. What is not of the config's making (names in
 * `known`, NULL-terminated, such as "help", "version", "check-config") is left to
 * the caller. Unknown options are judged by nx_config_load(), when all sections
 * are declared. Answers the index of the first operand (after "--" or options).
 * "-h" is left to the caller when "h" stands in `known`.
 */
enum nx_status nx_config_arguments(struct nx_config *config, int count, char *const *arguments,
				   const char *const *known, int *first_operand, struct nx_error *error);
/* Was the valueless option `name` of `known` given? */
bool nx_config_given(const struct nx_config *config, const char *name);

/*
 * Values of one key before everything is declared (the plugin directory and the
 * plugin list are needed to know the other sections): reads like nx_config_load()
 * but judges declared sections only.
 */
enum nx_status nx_config_load_early(struct nx_config *config, const char *path, bool must_exist,
				    struct nx_error *error);
/* Read all sources and judge all keys. `path` NULL: no file. A file that does not exist
 * is an error only with `must_exist`. */
enum nx_status nx_config_load(struct nx_config *config, const char *path, bool must_exist,
			      struct nx_error *error);

/* Back to the values before the last load, when the program could not take the new ones: once a load. */
void nx_config_revert(struct nx_config *config);

/* Has any load succeeded? Before, there are no values to be asked for. */
bool nx_config_loaded(const struct nx_config *config);

/* Undeclared names are a bug and abort. */
const char *nx_config_string(const struct nx_config *config, const char *section, const char *key);
int64_t nx_config_integer(const struct nx_config *config, const char *section, const char *key);
bool nx_config_boolean(const struct nx_config *config, const char *section, const char *key);
/* "default", "file PATH:LINE", "environment NAME", "option --NAME": for messages and --check-config. */
const char *nx_config_source(const struct nx_config *config, const char *section, const char *key);

/* Help for the options of the program's own section and all flags, aligned. */
void nx_config_help(const struct nx_config *config, FILE *out);
/* All sections as an INI file with summaries as comments; secrets ("password", "secret", "token", "key"
 * at the end of a name) are shown as "(set)". */
void nx_config_print(const struct nx_config *config, FILE *out);

#endif
