/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	options_print(&(const struct cli_option){"version", NULL, "show the version", false}, 1);
}

/* One word a line, for shell completion: nexctl --complete [NOUN [VERB]]. */
static int complete(int argc, char **argv)
{
	const struct cli_verb *verb = argc > 3 ? cli_verb_find(argv[2], argv[3]) : NULL;

	for (size_t i = 0; cli_nouns[i] && argc < 4; i++) {
		if (argc == 2)
			puts(cli_nouns[i]->noun);
		for (const struct cli_verb *row = cli_nouns[i]; argc == 3 && row->noun; row++)
			if (strcmp(row->noun, argv[2]) == 0)
				puts(row->verb);
	}
	for (size_t i = 0; verb && i < verb->option_count; i++)
		printf("--%s\n", verb->options[i].name);
	for (size_t i = 0; i < cli_global_option_count; i++)
		printf("--%s\n", cli_global_options[i].name);
	return CLI_OK;
}

static const char *noun_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-' && cli_noun_known(argv[i]))
			return argv[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static char help_option[] = "--help";
	struct cli cli = {0};
	int status;

	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return puts("nexctl " NEXODUS_VERSION) < 0;
	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return complete(argc, argv);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-h") == 0)
			argv[i] = help_option;
	status = cli_arguments(&cli, argc, argv);
	if (status != CLI_OK)
		return status;
	if (cli.help || !cli.verb) {
		help_print(&cli, noun_of(argc, argv));
		return cli.help ? CLI_OK : CLI_USAGE;
	}
	nx_secret_setup();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = cli.verb->run(&cli);
	free(cli.access_token);
	curl_global_cleanup();
	if (fflush(stdout) != 0 && status == CLI_OK) {
		perror("nexctl: standard output");
		status = CLI_FAILED;
	}
	return status;
}
