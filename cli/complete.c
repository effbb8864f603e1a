/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completion: nexctl --complete [WORD…] says what may follow these words, one proposal a line. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* The command so far, as far as it is complete. */
struct words {
	const char *noun;
	const struct cli_verb *verb;
	const struct cli_option *open; /* the last word is this option, and its value comes next */
	size_t count;		       /* words that are neither options nor values */
};

static const struct cli_option *option_of(const struct words *words, const char *name)
{
	const struct cli_option *option =
		cli_option_find(cli_global_options, cli_global_option_count, name, strlen(name));

	if (!option && words->verb)
		option = cli_option_find(words->verb->options, words->verb->option_count, name, strlen(name));
	return option;
}

static void word_take(struct words *words, const char *word)
{
	const struct cli_option *option = NULL;

	if (words->open) {
		words->open = NULL;
	} else if (strncmp(word, "--", 2) == 0) {
		option = option_of(words, word + 2);
		words->open = option && option->argument ? option : NULL;
	} else if (words->count++ == 0) {
		words->noun = word;
	} else if (words->count == 2) {
		words->verb = cli_verb_find(words->noun, word);
	}
}

static void options_say(const struct cli_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("--%s\n", options[i].name);
}

static void nouns_say(void)
{
	for (size_t i = 0; cli_nouns[i]; i++)
		puts(cli_nouns[i]->noun);
}

static void verbs_say(const char *noun)
{
	for (size_t i = 0; cli_nouns[i]; i++)
		for (const struct cli_verb *row = cli_nouns[i]; row->noun; row++)
			if (strcmp(row->noun, noun) == 0)
				puts(row->verb);
}

void cli_complete(char *const *list)
{
	struct words words = {0};

	for (; *list; list++)
		word_take(&words, *list);
	if (words.open) {
		/* Names of files are the shell's to propose; ids and texts are nobody's. */
		for (size_t i = 0; strcmp(words.open->name, "output") == 0 && cli_output_forms[i]; i++)
			puts(cli_output_forms[i]);
		return;
	}
	if (words.count == 0)
		nouns_say();
	if (words.count == 1)
		verbs_say(words.noun);
	if (words.verb)
		options_say(words.verb->options, words.verb->option_count);
	options_say(cli_global_options, cli_global_option_count);
}
