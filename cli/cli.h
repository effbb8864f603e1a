/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nexctl: a table of verbs, a file per noun. One thread; everything may block.
 *
 * Exit codes: 0 done, 1 refused or out of reach (said on standard error),
 * 2 wrong usage, 3 under way, but not finished when it was to be,
 * 4 the doctor has warnings, 5 the doctor or a check has found problems.
 */
#ifndef NX_CLI_H
#define NX_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_UNFINISHED = 3,
	CLI_WARNING = 4,
	CLI_PROBLEM = 5
};

enum cli_output { CLI_COLUMN, CLI_NO_HEADER, CLI_JSON, CLI_JSON_RAW };
extern const char *const cli_output_forms[]; /* their names, NULL-ended */

#define CLI_OPERANDS_MAX 2
#define CLI_OPTIONS_MAX 24

/* An option of a verb, or of nexctl itself. */
struct cli_option {
	const char *name;     /* without "--" */
	const char *argument; /* how its argument is called in help (ID: part of a path); NULL: takes none */
	const char *summary;
	bool required;
};

struct cli;

struct cli_verb {
	const char *noun;
	const char *verb;
	const char *operands[CLI_OPERANDS_MAX]; /* names for help; required, but for a last "[NAME]" */
	const char *summary;
	const struct cli_option *options;
	size_t option_count;
	int (*run)(struct cli *cli); /* an enum cli_exit */
};

#define CLI_OPTIONS(array) .options = (array), .option_count = sizeof(array) / sizeof((array)[0])

/* One invocation. Strings belong to argv or the environment. */
struct cli {
	const char *service_url;
	const char *token;
	const char *username;
	const char *password_file;
	const char *ca_file;
	enum cli_output output;
	bool help, version;
	const struct cli_verb *verb;
	const char *operands[CLI_OPERANDS_MAX];
	struct {
		const char *name;
		const char *value; /* "" for an option without argument */
	} given[CLI_OPTIONS_MAX];
	size_t given_count;
	char *access_token; /* from a password, for this invocation */
};

/* --- verbs.c: the table --- */
extern const struct cli_verb *const cli_nouns[]; /* one row array per noun, NULL-ended */
/* The verb's row, or with a NULL verb the noun's first; NULL when there is none. */
const struct cli_verb *cli_verb_find(const char *noun, const char *verb);
bool cli_noun_known(const char *noun);

/* Row arrays end with a row whose noun is NULL. */
extern const struct cli_verb cli_organization_verbs[];
extern const struct cli_verb cli_device_verbs[];
extern const struct cli_verb cli_user_verbs[];
extern const struct cli_verb cli_invitation_verbs[];
extern const struct cli_verb cli_registration_key_verbs[];
extern const struct cli_verb cli_ipam_verbs[];
extern const struct cli_verb cli_nexd_verbs[];

/* --- arguments.c --- */
extern const struct cli_option cli_global_options[];
extern const size_t cli_global_option_count;
/* Fills `cli` from the environment and argv; CLI_USAGE after saying what is wrong. */
int cli_arguments(struct cli *cli, int argc, char **argv);
/* The option of this name, which has `length` bytes; NULL when there is none. */
const struct cli_option *cli_option_find(const struct cli_option *options, size_t count, const char *name,
					 size_t length);
/* Is it UTF-8? JSON has no other text, and would carry something else in its place. */
bool cli_text_check(const char *text);
/* May it stand in a path? An empty part, "." or ".." would name something else. */
bool cli_id_check(const char *text);
/* The option's value; NULL when it was not given. */
const char *cli_value(const struct cli *cli, const char *name);
/* Says `message` and where help is; answers CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- complete.c --- */
/* Prints what may follow `words`, a NULL-ended list, one proposal a line. */
void cli_complete(char *const *words);

/* --- password.c --- */
/*
 * The first line of `file`; with NULL or "-" that of standard input, asked for with `prompt` when it is
 * a terminal. The caller's to cli_password_forget(); NULL after saying why there is none.
 */
char *cli_password_read(const char *file, const char *prompt);
/* The same for a password to be set: on a terminal it is asked for twice. */
char *cli_password_choose(const char *file);
void cli_password_forget(char *password); /* wipes and frees; NULL is fine */

/* --- client.c: the HTTP API --- */
/*
 * Send a request; `body` (may be NULL) is sent as JSON. On success answers true
 * and *out (may be NULL) is the answer, to be freed, or NULL when it is empty.
 * On failure says so on standard error.
 */
bool cli_call(struct cli *cli, const char *method, const char *path, const struct nx_json *body,
	      struct nx_json **out);
/* A path from a printf format whose %s arguments are percent-encoded; the caller's to free(). */
char *cli_path(const char *format, ...);

/* --- output.c --- */
/*
 * A column: a heading and the member it shows. With `render` the text is made
 * from the whole row into `into`.
 */
struct cli_column {
	const char *heading;
	const char *member;
	void (*render)(const struct nx_json *row, struct nx_buffer *into);
};
/* Print an array (or one object as a single row) in the chosen form. */
void cli_print(const struct cli *cli, const struct nx_json *value, const struct cli_column *columns,
	       size_t count);
/* Appends the strings of an array member, joined by ", ". */
void cli_render_list(const struct nx_json *row, const char *member, struct nx_buffer *into);
/* Text from elsewhere, with every character that could move the cursor or turn text around spelled out. */
void cli_render_text(const char *text, struct nx_buffer *into);
/* One value of any type as such a text. */
void cli_render_value(const struct nx_json *value, struct nx_buffer *into);

/* A string on standard error, after `label`; nothing when the value is no string. */
void cli_say_value(const char *label, const struct nx_json *value);

/* The shape of most verbs: one call, one table. Answers an enum cli_exit. */
int cli_show(struct cli *cli, const char *method, const char *path, const struct nx_json *body,
	     const struct cli_column *columns, size_t count);

/* --- organization.c --- */
/* The organization that --organization names, or the only one the user belongs to; to be freed. NULL after
 * saying why not. */
char *cli_organization_choose(struct cli *cli);

/* --- reservation.c: what is kept of an organization's addresses --- */
int cli_ipam_reserve(struct cli *cli);
int cli_ipam_release(struct cli *cli);
int cli_ipam_reservations(struct cli *cli);
int cli_ipam_quarantine(struct cli *cli);

/* --- ipam_check.c: whether what is known of an organization's addresses agrees --- */
int cli_ipam_check(struct cli *cli);

/* --- renumber.c: nexctl organization renumber --- */
int cli_organization_renumber(struct cli *cli);

/* --- registration_key.c --- */
/* "90", "90s", "5m", "2h", "7d" as seconds; -1 when it is none of these. */
int64_t cli_duration_read(const char *text);

/* --- nexd.c: the agent on this host --- */
/* What nexd answers to a request, a JSON text; false after saying why there is no answer of this type. */
bool cli_agent_ask(const struct cli *cli, const char *request, enum nx_json_type type, struct nx_json **out);

/* --- drain.c: nexctl nexd drain --- */
int cli_nexd_drain(struct cli *cli);

/* --- nexd.c and doctor.c: the agent on this host --- */
/*
 * How nexd stands, without a word when it cannot be asked: *out is its status, to be freed, or NULL. Answers
 * 0, or the errno of the socket.
 */
int cli_agent_status(const struct cli *cli, struct nx_json **out);
int cli_nexd_doctor(struct cli *cli);

/* --- family.c: the API names a family's fields by a suffix --- */
/*
 * Put each prefix or address of a list ("a,b") under `name` + the suffix of its
 * family. False after saying which is wrong, or which family comes twice.
 */
bool cli_put_by_family(struct nx_json *object, const char *name, const char *list);
/*
 * The same of values that do not tell their family: "ipv4=a,ipv6=b", or "a" for all families,
 * of which the server takes those that it has.
 */
bool cli_put_by_family_name(struct nx_json *object, const char *name, const char *list);
/* What --cidr, --cidr-v6 and --strategy say of an organization, each as far as it is given. The same. */
bool cli_put_prefixes(const struct cli *cli, struct nx_json *object);

#endif
