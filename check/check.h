/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nexodus-plugin-check: judges one plugin for its author.
 *
 * A check is a function that uses the plugin as a program would and says what is wrong with what it
 * answers. Each runs in a process of its own (child.h), into which the plugin is loaded anew, so that one
 * that crashes or hangs loses that one check.
 */
#ifndef NX_CHECK_CHECK_H
#define NX_CHECK_CHECK_H

#include "base/json.h"
#include "base/loader.h"
#include "check/journal.h"

/* What checks are told of the command line. */
struct check_options {
	const char *path;
	char **settings; /* "name=value": the plugin's own configuration */
	size_t setting_count;
	uint64_t operations; /* calls of a random check, all prefixes together */
	uint64_t seed;
	unsigned int timeout_seconds; /* of one check */
	const char *only;	      /* the one check to run; NULL: all */
	bool json;
	bool netns; /* checks may make network namespaces */
};

enum check_result {
	CHECK_OK = 1,
	CHECK_FAILED,
	CHECK_SKIPPED,
	CHECK_NOTE, /* worth knowing, and no failure */
};

struct check {
	const struct check_options *options;
	struct nx_plugins *plugins; /* one; loaded and started, but for the check of its life cycle */
	const struct nx_capability *capability; /* NULL: the plugin as a whole */
	const char *state_directory;
	uint64_t random; /* see random.h; the same at the start of each check for a seed */
	struct journal *journal;
	enum check_result result; /* CHECK_OK until it is said otherwise */
	char detail[2048];
};

/* The check fails, for a reason of the form "expected …, found …"; the first reason stands. Answers false. */
bool check_fail(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* There is nothing to be checked here. */
void check_skip(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Outputs are filled with one pattern before a call, so that all of their bytes can be compared after it. */
bool check_bytes_same(const void *a, const void *b, size_t size);

struct check_case {
	const char *name;
	const char *summary;
	void (*run)(struct check *check);
};

/* The checks of one kind of capability, ended by one without a name. */
struct check_suite {
	enum nx_role role;
	const char *kind;
	const struct check_case *cases;
	const struct check_case
		*netns_cases; /* on a host of their own (netns.h), if the command line lets them */
};

/* The plugin's life as a whole. */
extern const struct check_case life_case;

/* The suite of a kind; NULL: there is none. */
const struct check_suite *check_suite_find(enum nx_role role, const char *kind);
/* All of them, ended by one without a kind. */
extern const struct check_suite check_suites[];

extern const struct check_case ipam_cases[];
extern const struct check_case strategy_cases[];
extern const struct check_case relay_server_cases[];
extern const struct check_case driver_server_cases[];
extern const struct check_case family_agent_cases[];
extern const struct check_case relay_agent_cases[];
extern const struct check_case driver_agent_cases[];
extern const struct check_case driver_netns_cases[];

/* --- descriptor.c --- */

/* Judge the descriptor of an opened file part by part, one result each, told to `tell`. False: some are
 * wrong. */
bool descriptor_check(struct nx_plugins *plugins,
		      void (*tell)(void *context, const char *check, enum check_result result,
				   const char *detail),
		      void *context);
/* Fields without a column that a migration makes, and the reverse of it; "" when there are none. */
void columns_check(const struct nx_plugin *plugin, struct nx_buffer *wrong);

/* --- describe.c --- */

/* What the plugin says it is and needs, as a JSON object for nx_json_free(). */
struct nx_json *describe(const struct nx_loaded *loaded);
/* The same in words. */
void describe_print(const struct nx_json *description);

#endif
