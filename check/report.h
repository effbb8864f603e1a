/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a plugin: to a person as it is found, or as one JSON document at the end. */
#ifndef NX_CHECK_REPORT_H
#define NX_CHECK_REPORT_H

#include "check/check.h"

struct report {
	const struct check_options *options;
	struct nx_json *document; /* with --output=json */
	struct nx_json *checks;	  /* an array, until it is put into the document */
	unsigned int passed, failed, skipped, notes;
};

void report_begin(struct report *report, const struct check_options *options);
/* What the plugin is. */
void report_describe(struct report *report, const struct nx_json *description);
/* The file cannot be loaded. */
void report_refuse(struct report *report, const char *why);
void report_check(struct report *report, const char *check, enum check_result result, const char *detail);
/* The summary. Answers false when it could not be written. */
bool report_end(struct report *report);

/* "ok", "failed", "skipped", "note", and back; 0: none of them. */
const char *check_result_name(enum check_result result);
enum check_result check_result_parse(const char *name);

#endif
