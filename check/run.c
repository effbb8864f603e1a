/* SPDX-License-Identifier: Apache-2.0 */
#include "check/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "check/child.h"
#include "check/netns.h"
#include "check/report.h"
#include "check/scratch.h"
#include "check/subject.h"

struct runner {
	const struct check_options *options;
	struct report report;
	struct journal *journal;
	struct scratch scratch;
	struct nx_json *description; /* NULL: the file was refused, or crashed */
	char *refusal;
	bool fit; /* the descriptor is right */
	bool only_seen;
	/* the check that runs */
	const struct nx_json *capability; /* NULL: the plugin as a whole */
	const struct check_case *one;
	bool netns; /* it is to have a host of its own */
	const char *name;
	bool heard; /* it told its result */
};

static bool wanted(struct runner *runner, const char *check)
{
	bool is = !runner->options->only || strcmp(runner->options->only, check) == 0;

	runner->only_seen |= is;
	return is;
}

/* --- in the child: what the file is ----------------------------------------------------------- */

struct teller {
	int out;
};

static void result_tell(void *context, const char *check, enum check_result result, const char *detail)
{
	const struct teller *teller = context;
	struct nx_json *line = nx_json_object();

	nx_json_put_string(line, "check", check);
	nx_json_put_string(line, "result", check_result_name(result));
	nx_json_put_string(line, "detail", detail);
	child_tell(teller->out, line);
}

static void word_tell(int out, const char *name, const char *text)
{
	struct nx_json *line = nx_json_object();

	nx_json_put_string(line, name, text);
	child_tell(out, line);
}

static void access_tell(struct teller *teller, const struct nx_error *doubt)
{
	NX_AUTO_FREE char *note =
		nx_printf("%s; where plugins are installed it would be refused for that", doubt->message);

	if (doubt->status)
		result_tell(teller, "file.access", CHECK_NOTE, note);
	else
		result_tell(teller, "file.access", CHECK_OK, "");
}

static void examine(void *context, int out)
{
	const struct runner *runner = context;
	struct teller teller = {.out = out};
	struct subject subject;
	struct nx_error error = {0};
	struct nx_json *line;

	if (subject_open(&subject, runner->options->path, &error)) {
		word_tell(out, "refused", error.message);
	} else {
		line = nx_json_object();
		nx_json_put(line, "description", describe(nx_plugins_at(subject.plugins, 0)));
		child_tell(out, line);
		access_tell(&teller, &subject.doubt);
		if (descriptor_check(subject.plugins, result_tell, &teller))
			word_tell(out, "fit", "");
	}
	subject_close(&subject);
}

/* --- in the child: one check ------------------------------------------------------------------ */

static void check_tell(const struct runner *runner, const struct check *check, int out)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer detail = {0};
	struct teller teller = {.out = out};

	nx_buffer_text(&detail, check->detail);
	if (check->result == CHECK_FAILED)
		journal_tell(check->journal, &detail);
	result_tell(&teller, runner->name, check->result, detail.data);
}

/* Load and start it as a program does; an agent's plugin may need a real host for its start. */
static void subject_prepare(struct subject *subject, struct check *check)
{
	struct nx_error error = {0};
	enum nx_status status = nx_plugins_load(subject->plugins, &error);
	bool loaded = status == NX_OK;

	if (loaded)
		status = nx_plugins_start(subject->plugins, &error);
	if (loaded && status == NX_UNSUPPORTED)
		check_skip(check, "it does not start here: %s", error.message);
	else if (status)
		check_fail(check, "%s", error.message);
}

static void check_do(void *context, int out)
{
	const struct runner *runner = context;
	struct check check = {
		.options = runner->options,
		.state_directory = runner->scratch.path,
		.random = runner->options->seed,
		.journal = runner->journal,
		.result = CHECK_OK,
	};
	struct subject subject = {0};
	struct nx_error error = {0};

	if (runner->netns && !netns_enter(&check)) {
		check_tell(runner, &check, out);
		return;
	}
	if (subject_open(&subject, runner->options->path, &error) ||
	    subject_configure(&subject, runner->options, runner->scratch.path, runner->netns, &error))
		check_fail(&check, "%s", error.message);
	check.plugins = subject.plugins;
	if (check.result == CHECK_OK && runner->capability) {
		check.capability = nx_plugins_find(subject.plugins,
						   nx_json_member_string(runner->capability, "kind", ""),
						   nx_json_member_string(runner->capability, "key", ""));
		subject_prepare(&subject, &check);
	}
	if (check.result == CHECK_OK)
		runner->one->run(&check);
	subject_close(&subject);
	check_tell(runner, &check, out);
}

/* --- in the program --------------------------------------------------------------------------- */

static void result_hear(void *context, const struct nx_json *document)
{
	struct runner *runner = context;
	const char *check = nx_json_member_string(document, "check", "");
	enum check_result result = check_result_parse(nx_json_member_string(document, "result", NULL));

	if (!result)
		return;
	runner->heard = true;
	if (wanted(runner, check))
		report_check(&runner->report, check, result, nx_json_member_string(document, "detail", ""));
}

static void examination_hear(void *context, const struct nx_json *document)
{
	struct runner *runner = context;
	const struct nx_json *description = nx_json_member(document, "description");
	const char *refused = nx_json_member_string(document, "refused", NULL);

	if (description && !runner->description) {
		runner->description = nx_json_duplicate(description);
		report_describe(&runner->report, description);
	} else if (refused && !runner->refusal) {
		runner->refusal = nx_strdup(refused);
	}
	runner->fit |= nx_json_member(document, "fit") != NULL;
	result_hear(context, document);
}

static void file_examine(struct runner *runner)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer trouble = {0};
	const struct child_work work = {examine, runner, runner->options->timeout_seconds};

	child_run(&work, examination_hear, runner, &trouble);
	if (!trouble.length)
		return;
	if (runner->description) {
		runner->fit = false;
		report_check(&runner->report, "descriptor", CHECK_FAILED, trouble.data);
	} else if (!runner->refusal) {
		runner->refusal = nx_printf("%s: the plugin, while it was loaded, %s", runner->options->path,
					    trouble.data);
	}
}

/* Nothing of the host is touched unless the command line says so. */
static bool check_let(struct runner *runner)
{
	if (!runner->netns || runner->options->netns)
		return true;
	report_check(&runner->report, runner->name, CHECK_SKIPPED,
		     "it makes an interface in a network namespace: --netns, as root, lets it");
	return false;
}

/* One that ended before it told its result failed by that. */
static void check_run(struct runner *runner, const struct check_case *one)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer trouble = {0};
	const struct child_work work = {check_do, runner, runner->options->timeout_seconds};

	runner->one = one;
	runner->heard = false;
	memset(runner->journal, 0, sizeof(*runner->journal));
	child_run(&work, result_hear, runner, &trouble);
	if (runner->heard)
		return;
	if (!trouble.length)
		nx_buffer_text(&trouble, "ended without a result");
	journal_tell(runner->journal, &trouble);
	report_check(&runner->report, runner->name, CHECK_FAILED, trouble.data);
}

static void cases_run(struct runner *runner, const struct check_case *cases, bool netns)
{
	runner->netns = netns;
	for (const struct check_case *one = cases; one && one->name; one++) {
		NX_AUTO_FREE char *name =
			nx_printf("%s/%s.%s", nx_json_member_string(runner->capability, "kind", ""),
				  nx_json_member_string(runner->capability, "key", ""), one->name);

		runner->name = name;
		if (wanted(runner, name) && check_let(runner))
			check_run(runner, one);
	}
	runner->netns = false;
}

static void capability_run(struct runner *runner, enum nx_role role, const struct nx_json *capability)
{
	const struct check_suite *suite =
		check_suite_find(role, nx_json_member_string(capability, "kind", ""));

	runner->capability = capability;
	if (suite) {
		cases_run(runner, suite->cases, false);
		cases_run(runner, suite->netns_cases, true);
	}
	runner->capability = NULL;
}

static void plugin_run(struct runner *runner)
{
	const char *role_name = nx_json_member_string(runner->description, "role", "");
	enum nx_role role = strcmp(role_name, "server") == 0 ? NX_ROLE_SERVER : NX_ROLE_AGENT;
	const struct nx_json *provides = nx_json_member(runner->description, "provides");

	runner->name = "life-cycle";
	if (wanted(runner, runner->name))
		check_run(runner, &life_case);
	for (const struct nx_json *row = nx_json_first(provides); row; row = nx_json_next(row))
		capability_run(runner, role, row);
}

static int outcome(struct runner *runner)
{
	if (!runner->description) {
		report_refuse(&runner->report,
			      runner->refusal ? runner->refusal : "it said nothing of itself");
		return RUN_REFUSED;
	}
	if (!runner->fit && !runner->options->json && !runner->options->only)
		puts("The checks of what it provides are left out: a program would refuse the plugin.");
	if (runner->fit && !runner->only_seen) {
		fprintf(stderr,
			"nexodus-plugin-check: --only=%s: expected a check of this plugin; see --list\n",
			runner->options->only);
		return RUN_USAGE;
	}
	return runner->report.failed ? RUN_FAILED : RUN_PASSED;
}

int run(const struct check_options *options)
{
	struct runner runner = {.options = options};
	int status;

	if (!scratch_make(&runner.scratch)) {
		perror("nexodus-plugin-check: cannot make a folder for the plugin's state");
		return RUN_USAGE;
	}
	runner.journal = journal_new();
	report_begin(&runner.report, options);
	file_examine(&runner);
	if (runner.fit)
		plugin_run(&runner);
	status = outcome(&runner);
	if (!report_end(&runner.report) && status == RUN_PASSED)
		status = RUN_FAILED;
	scratch_remove(&runner.scratch);
	journal_free(runner.journal);
	nx_json_free(runner.description);
	free(runner.refusal);
	return status;
}
