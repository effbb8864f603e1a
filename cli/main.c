/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

static void options_print(const struct cli_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char left[48];

		snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].argument ? " " : "",
			 options[i].argument ? options[i].argument : "");
		printf("  %-28s %s%s\n", left, options[i].summary, options[i].required ? " (required)" : "");
	}
}

static void verb_line(const struct cli_verb *verb)
{
	char left[64];

	snprintf(left, sizeof(left), "%s %s%s%s%s%s", verb->noun, verb->verb, verb->operands[0] ? " " : "",
		 verb->operands[0] ? verb->operands[0] : "", verb->operands[1] ? " " : "",
		 verb->operands[1] ? verb->operands[1] : "");
	printf("  %-36s %s\n", left, verb->summary);
}

static void help_print(const struct cli *cli, const char *noun)
{
	const struct cli_verb *verb = cli->verb;

	if (verb) {
		printf("Usage: nexctl %s %s", verb->noun, verb->verb);
		for (size_t i = 0; i < CLI_OPERANDS_MAX && verb->operands[i]; i++)
			printf(" %s", verb->operands[i]);
		printf("%s\n\n  %s\n", verb->option_count ? " [OPTION…]" : "", verb->summary);
		if (verb->option_count)
			puts("\nOptions:");
		options_print(verb->options, verb->option_count);
	} else {
		puts("Usage: nexctl [OPTION…] NOUN VERB [ARGUMENT…]\n\nCommands:");
		for (size_t i = 0; cli_nouns[i]; i++)
			for (const struct cli_verb *row = cli_nouns[i]; row->noun; row++)
				if (!noun || strcmp(noun, row->noun) == 0)
					verb_line(row);
	}
	puts("\nOptions of every command:");
	options_print(cli_global_options, cli_global_option_count);
}

/* A closed descriptor would become that of a connection; what is written to this one fails. */
static void descriptors_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What was printed has arrived, or the exit code says that it has not. */
static int output_finish(int status)
{
	bool flushed = fflush(stdout) == 0;
	int number = errno;

	if (flushed && !ferror(stdout))
		return status;
	fprintf(stderr, "nexctl: cannot write to standard output: %s\n",
		flushed ? "a part of it was not taken" : strerror(number));
	return status == CLI_OK ? CLI_FAILED : status;
}

static const char *noun_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-' && cli_noun_known(argv[i]))
			return argv[i];
	return NULL;
}

static int verb_run(struct cli *cli)
{
	int status;

	nx_secret_setup();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = cli->verb->run(cli);
	free(cli->access_token);
	curl_global_cleanup();
	return status;
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	int status = CLI_OK;

	descriptors_fill();
	if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
		cli_complete(argv + 2);
		return output_finish(CLI_OK);
	}
	status = cli_arguments(&cli, argc, argv);
	if (status != CLI_OK)
		return status;
	if (cli.help)
		help_print(&cli, noun_of(argc, argv));
	else if (cli.version)
		puts("nexctl " NEXODUS_VERSION);
	else
		status = verb_run(&cli);
	return output_finish(status);
}
