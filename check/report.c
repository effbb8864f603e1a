/* SPDX-License-Identifier: Apache-2.0 */
#include "check/report.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const char *const names[] = {
	[CHECK_OK] = "ok", [CHECK_FAILED] = "failed", [CHECK_SKIPPED] = "skipped", [CHECK_NOTE] = "note"};

const char *check_result_name(enum check_result result)
{
	return names[result];
}

enum check_result check_result_parse(const char *name)
{
	for (size_t i = CHECK_OK; name && i < NX_COUNT(names); i++) {
		if (strcmp(names[i], name) == 0)
			return (enum check_result)i;
	}
	return (enum check_result)0;
}

void report_begin(struct report *report, const struct check_options *options)
{
	char seed[24];

	*report = (struct report){.options = options};
	if (!options->json) {
		printf("%s\n", options->path);
		return;
	}
	report->document = nx_json_object();
	report->checks = nx_json_array();
	nx_json_put_string(report->document, "file", options->path);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)options->seed);
	nx_json_put_string(report->document, "seed", seed); /* may be more than a JSON number holds */
	nx_json_put_integer(report->document, "operations", (int64_t)options->operations);
}

void report_describe(struct report *report, const struct nx_json *description)
{
	if (report->document) {
		nx_json_put(report->document, "plugin", nx_json_duplicate(description));
		return;
	}
	describe_print(description);
	printf("\nseed %llu, %llu operations\n\n", (unsigned long long)report->options->seed,
	       (unsigned long long)report->options->operations);
}

void report_refuse(struct report *report, const char *why)
{
	if (report->document)
		nx_json_put_string(report->document, "refused", why);
	else
		printf("cannot be loaded: %s\n", why);
}

static unsigned int *counter(struct report *report, enum check_result result)
{
	switch (result) {
	case CHECK_OK:
		return &report->passed;
	case CHECK_SKIPPED:
		return &report->skipped;
	case CHECK_NOTE:
		return &report->notes;
	default:
		return &report->failed;
	}
}

void report_check(struct report *report, const char *check, enum check_result result, const char *detail)
{
	++*counter(report, result);
	if (report->document) {
		struct nx_json *line = nx_json_object();

		nx_json_put_string(line, "check", check);
		nx_json_put_string(line, "result", check_result_name(result));
		nx_json_put_string(line, "detail", detail);
		nx_json_add(report->checks, line);
	} else if (detail[0]) {
		printf("%s: %s: %s\n", result == CHECK_FAILED ? "FAILED" : check_result_name(result), check,
		       detail);
	} else {
		printf("%s: %s\n", check_result_name(result), check);
	}
}

static void document_print(struct report *report)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer text = {0};

	nx_json_put(report->document, "checks", report->checks);
	nx_json_put_integer(report->document, "passed", report->passed);
	nx_json_put_integer(report->document, "failed", report->failed);
	nx_json_put_integer(report->document, "skipped", report->skipped);
	nx_json_put_integer(report->document, "notes", report->notes);
	nx_json_print_pretty(report->document, &text);
	printf("%s\n", text.data);
	nx_json_free(report->document);
}

bool report_end(struct report *report)
{
	if (report->document)
		document_print(report);
	else if (report->passed + report->failed + report->skipped + report->notes)
		printf("\n%u passed, %u failed, %u skipped\n", report->passed, report->failed,
		       report->skipped);
	return fflush(stdout) == 0 && !ferror(stdout);
}
