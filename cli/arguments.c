/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

const struct cli_option cli_global_options[] = {
	{"service-url", "URL", "the server (NEXCTL_SERVICE_URL; default http://127.0.0.1:8080)", false},
	{"token", "TOKEN", "an access token (better: NEXCTL_TOKEN, which no process list shows)", false},
	{"username", "NAME", "sign in as this user (NEXCTL_USERNAME)", false},
	{"password-file", "FILE",
	 "the user's password (NEXCTL_PASSWORD_FILE, or itself in NEXCTL_PASSWORD; - asks)", false},
	{"ca-file", "FILE", "trust the certificates in FILE (NEXCTL_CA_FILE)", false},
	{"output", "FORM", "column, no-header, json or json-raw (NEXCTL_OUTPUT)", false},
	{"help", NULL, "show help for nexctl, a noun or a verb", false},
	{"version", NULL, "show the version", false},
};
const size_t cli_global_option_count = sizeof(cli_global_options) / sizeof(cli_global_options[0]);

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list arguments;

	fputs("nexctl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (cli->verb)
		fprintf(stderr, "\nTry 'nexctl %s %s --help'.\n", cli->verb->noun, cli->verb->verb);
	else
		fputs("\nTry 'nexctl --help'.\n", stderr);
	return CLI_USAGE;
}

const char *cli_value(const struct cli *cli, const char *name)
{
	for (size_t i = 0; i < cli->given_count; i++)
		if (strcmp(cli->given[i].name, name) == 0)
			return cli->given[i].value;
	return NULL;
}

const char *const cli_output_forms[] = {"column", "no-header", "json", "json-raw", NULL};

static int output_set(struct cli *cli, const char *form)
{
	for (size_t i = 0; cli_output_forms[i]; i++) {
		if (strcmp(cli_output_forms[i], form) == 0) {
			cli->output = (enum cli_output)i;
			return CLI_OK;
		}
	}
	return cli_usage(cli, "--output (NEXCTL_OUTPUT) takes column, no-header, json or json-raw, not '%s'",
			 form);
}

static int global_set(struct cli *cli, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **place;
	} places[] = {
		{"service-url", &cli->service_url}, {"token", &cli->token},
		{"username", &cli->username},	    {"password-file", &cli->password_file},
		{"ca-file", &cli->ca_file},
	};

	if (strcmp(name, "output") == 0)
		return output_set(cli, value);
	if (strcmp(name, "help") == 0)
		cli->help = true;
	if (strcmp(name, "version") == 0)
		cli->version = true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(places[i].name, name) == 0)
			*places[i].place = value;
	/* Of a token and a user the later one counts: a flag beats the environment. */
	if (strcmp(name, "username") == 0)
		cli->token = NULL;
	return CLI_OK;
}

static int environment_read(struct cli *cli)
{
	static const struct {
		const char *variable;
		const char *option;
	} variables[] = {
		{"NEXCTL_SERVICE_URL", "service-url"},
		{"NEXCTL_USERNAME", "username"},
		{"NEXCTL_TOKEN", "token"},
		{"NEXCTL_PASSWORD_FILE", "password-file"},
		{"NEXCTL_CA_FILE", "ca-file"},
		{"NEXCTL_OUTPUT", "output"},
	};

	cli->service_url = "http://127.0.0.1:8080";
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i].variable);

		if (value && *value && global_set(cli, variables[i].option, value) != CLI_OK)
			return CLI_USAGE;
	}
	return CLI_OK;
}

const struct cli_option *cli_option_find(const struct cli_option *options, size_t count, const char *name,
					 size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
			return &options[i];
	return NULL;
}

static bool option_takes_value(const char *text)
{
	const struct cli_option *option =
		cli_option_find(cli_global_options, cli_global_option_count, text + 2, strlen(text + 2));

	return option && option->argument;
}

/* Find noun and verb first: only then is it known which options there are. */
static int verb_find(struct cli *cli, int argc, char **argv, const char **words)
{
	int count = 0;

	for (int i = 1; i < argc && count < 2; i++) {
		if (argv[i][0] != '-')
			words[count++] = argv[i];
		else if (strncmp(argv[i], "--", 2) == 0 && option_takes_value(argv[i]))
			i++;
	}
	if (count && !cli_noun_known(words[0]))
		return cli_usage(cli, "there is no '%s'", words[0]);
	if (count < 2)
		return CLI_OK;
	cli->verb = cli_verb_find(words[0], words[1]);
	if (!cli->verb)
		return cli_usage(cli, "'%s' has no verb '%s'", words[0], words[1]);
	return CLI_OK;
}

/* One "--name", "--name=value" or "--name value"; advances *index past a value of its own. */
static int option_read(struct cli *cli, int argc, char **argv, int *index)
{
	const char *name = argv[*index] + 2, *value = strchr(name, '=');
	size_t length = value ? (size_t)(value - name) : strlen(name);
	const struct cli_option *option =
		cli_option_find(cli_global_options, cli_global_option_count, name, length);
	bool global = option != NULL;

	if (!option && cli->verb)
		option = cli_option_find(cli->verb->options, cli->verb->option_count, name, length);
	if (!option)
		return cli_usage(cli, "there is no option '--%.*s' here", (int)length, name);
	if (value && !option->argument)
		return cli_usage(cli, "--%s takes no value", option->name);
	if (value)
		value++;
	else if (option->argument && ++*index < argc)
		value = argv[*index];
	else if (option->argument)
		return cli_usage(cli, "--%s wants %s", option->name, option->argument);
	if (global)
		return global_set(cli, option->name, value ? value : "");
	if (cli->given_count == CLI_OPTIONS_MAX || cli_value(cli, option->name))
		return cli_usage(cli, "--%s was given twice", option->name);
	cli->given[cli->given_count].name = option->name;
	cli->given[cli->given_count++].value = value ? value : "";
	return CLI_OK;
}

bool cli_text_check(const char *text)
{
	size_t length = strlen(text);

	while (length) {
		uint32_t code;
		size_t used = nx_utf8_decode(text, length, &code);

		if (!used)
			return false;
		text += used;
		length -= used;
	}
	return true;
}

bool cli_id_check(const char *text)
{
	return *text && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static int operands_check(const struct cli *cli)
{
	for (size_t i = 0; i < CLI_OPERANDS_MAX && cli->verb->operands[i]; i++) {
		if (!cli->operands[i] && cli->verb->operands[i][0] == '[')
			return CLI_OK;
		if (!cli->operands[i])
			return cli_usage(cli, "%s is missing", cli->verb->operands[i]);
		if (!cli_text_check(cli->operands[i]))
			return cli_usage(cli, "%s is no UTF-8 text", cli->verb->operands[i]);
		if (!cli_id_check(cli->operands[i]))
			return cli_usage(cli, "%s cannot be '%s'", cli->verb->operands[i], cli->operands[i]);
	}
	return CLI_OK;
}

/* Of a file, which may have any name. */
static bool is_path(const struct cli_option *option)
{
	return option->argument &&
	       (strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "PATH") == 0);
}

static int options_check(const struct cli *cli)
{
	for (size_t i = 0; i < cli->verb->option_count; i++) {
		const struct cli_option *option = &cli->verb->options[i];
		const char *value = cli_value(cli, option->name);

		if (option->required && !value)
			return cli_usage(cli, "--%s %s is missing", option->name, option->argument);
		if (value && !cli_text_check(value) && !is_path(option))
			return cli_usage(cli, "the value of --%s is no UTF-8 text", option->name);
		if (value && option->argument && strcmp(option->argument, "ID") == 0 && !cli_id_check(value))
			return cli_usage(cli, "--%s cannot be '%s'", option->name, value);
	}
	return CLI_OK;
}

static int operand_read(struct cli *cli, const char *word, size_t *operands)
{
	if (!cli->verb)
		return CLI_OK; /* what is wrong is said at the end */
	if (*operands == CLI_OPERANDS_MAX || !cli->verb->operands[*operands])
		return cli_usage(cli, "'%s' is one argument too many", word);
	cli->operands[(*operands)++] = word;
	return CLI_OK;
}

/* "-h"; no other option has a single dash. */
static int short_option_read(struct cli *cli, const char *word)
{
	if (strcmp(word, "-h") != 0)
		return cli_usage(cli, "there is no option '%s' (a word that begins with - goes after --)",
				 word);
	cli->help = true;
	return CLI_OK;
}

/* "'device' wants a verb: list, show, …" */
static int verb_missing(const struct cli *cli, const char *noun)
{
	const struct cli_verb *row = cli_verb_find(noun, NULL);
	NX_AUTO_FREE char *verbs = nx_strdup(row->verb);

	while ((++row)->noun) {
		char *longer = nx_printf("%s, %s", verbs, row->verb);

		free(verbs);
		verbs = longer;
	}
	return cli_usage(cli, "'%s' wants a verb: %s", noun, verbs);
}

static int command_check(const struct cli *cli, const char *noun)
{
	int status;

	if (cli->help || cli->version)
		return CLI_OK;
	if (!noun)
		return cli_usage(cli, "what is to be done? Give a noun and a verb");
	if (!cli->verb)
		return verb_missing(cli, noun);
	status = operands_check(cli);
	return status == CLI_OK ? options_check(cli) : status;
}

int cli_arguments(struct cli *cli, int argc, char **argv)
{
	const char *words[2] = {NULL, NULL};
	size_t operands = 0, seen = 0;
	bool options = true;

	if (environment_read(cli) != CLI_OK || verb_find(cli, argc, argv, words) != CLI_OK)
		return CLI_USAGE;
	for (int i = 1; i < argc; i++) {
		int status = CLI_OK;

		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && strncmp(argv[i], "--", 2) == 0)
			status = option_read(cli, argc, argv, &i);
		else if (options && argv[i][0] == '-' && argv[i][1])
			status = short_option_read(cli, argv[i]);
		else if (++seen > 2)
			status = operand_read(cli, argv[i], &operands);
		if (status != CLI_OK)
			return status;
	}
	return command_check(cli, words[0]);
}
