/* SPDX-License-Identifier: Apache-2.0 */
#include "check/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

static const char help[] =
	"Usage: nexodus-plugin-check [OPTION]... FILE.so\n"
	"\n"
	"Judges a plugin for its author: loads the file as nexodus-server or nexd would, says what it is\n"
	"and needs, looks for mistakes in what it declares, and tries what it provides.\n"
	"\n"
	"  --operations=NUMBER      calls of each random check (default 1000000)\n"
	"  --seed=NUMBER            makes the random checks the same again (default: another each time)\n"
	"  --timeout=SECONDS        the longest that one check may take (default 60)\n"
	"  --set=KEY=VALUE          the plugin's own configuration; may be repeated\n"
	"  --only=CHECK             run this one check, by the name that the report gives it\n"
	"  --netns                  lets drivers make an interface, in a network namespace (as root)\n"
	"  --output=text|json       the form of the report (default text)\n"
	"  --list                   lists the checks of each kind of capability\n"
	"  -h, --help               shows this\n"
	"  --version                shows the version\n"
	"\n"
	"Exit status: 0 all checks passed, 1 a check failed, 2 the command line is wrong, 3 the file\n"
	"cannot be loaded.\n";

static void cases_print(const struct check_suite *suite, const struct check_case *cases)
{
	for (const struct check_case *one = cases; one && one->name; one++) {
		char name[64];

		snprintf(name, sizeof(name), "%s/*.%s", suite->kind, one->name);
		printf("%-26s %s (%s)\n", name, one->summary,
		       suite->role == NX_ROLE_SERVER ? "server" : "agent");
	}
}

static void list_print(void)
{
	puts("file.access                whether a program would take the file from where it is\n"
	     "descriptor.texts           name, version, licence, summary\n"
	     "descriptor.provides        capabilities, and that their tables are complete\n"
	     "descriptor.needs           what it needs of other plugins\n"
	     "descriptor.configuration   keys, bounds and defaults\n"
	     "descriptor.fields          fields of the API\n"
	     "descriptor.migrations      numbers, and a way back\n"
	     "descriptor.columns         fields have their columns\n"
	     "life-cycle                 load, start, reload, stop, unload, twice");
	for (const struct check_suite *suite = check_suites; suite->kind; suite++) {
		cases_print(suite, suite->cases);
		cases_print(suite, suite->netns_cases);
	}
}

static enum options_outcome wrong(const char *option, const char *found, const char *expected)
{
	fprintf(stderr, "nexodus-plugin-check: --%s=%s: expected %s; see --help\n", option, found, expected);
	return OPTIONS_WRONG;
}

static enum options_outcome number_read(const char *option, const char *text, uint64_t least, uint64_t most,
					uint64_t *out)
{
	char expected[80];
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && value >= least && value <= most) {
		*out = value;
		return OPTIONS_RUN;
	}
	snprintf(expected, sizeof(expected), "a number from %llu to %llu", (unsigned long long)least,
		 (unsigned long long)most);
	return wrong(option, text, expected);
}

static enum options_outcome setting_add(const char *text, struct check_options *out)
{
	if (!strchr(text, '='))
		return wrong("set", text, "KEY=VALUE");
	out->settings = nx_realloc_array(out->settings, out->setting_count + 1, sizeof(char *));
	out->settings[out->setting_count++] = nx_strdup(text);
	return OPTIONS_RUN;
}

static enum options_outcome output_read(const char *text, struct check_options *out)
{
	out->json = strcmp(text, "json") == 0;
	return out->json || strcmp(text, "text") == 0 ? OPTIONS_RUN : wrong("output", text, "text or json");
}

static enum options_outcome option_take(int letter, const char *value, struct check_options *out)
{
	uint64_t seconds = out->timeout_seconds;
	enum options_outcome outcome;

	switch (letter) {
	case 'o':
		return number_read("operations", value, 1, 1000000000, &out->operations);
	case 's':
		return number_read("seed", value, 0, UINT64_MAX, &out->seed);
	case 't':
		outcome = number_read("timeout", value, 1, 86400, &seconds);
		out->timeout_seconds = (unsigned int)seconds;
		return outcome;
	case 'c':
		return setting_add(value, out);
	case 'n':
		out->only = value;
		return OPTIONS_RUN;
	case 'f':
		return output_read(value, out);
	case 'w':
		out->netns = true;
		return OPTIONS_RUN;
	case 'l':
		list_print();
		return OPTIONS_DONE;
	case 'h':
		fputs(help, stdout);
		return OPTIONS_DONE;
	case 'v':
		puts("nexodus-plugin-check " NEXODUS_VERSION);
		return OPTIONS_DONE;
	default:
		return OPTIONS_WRONG; /* getopt_long() has said it */
	}
}

enum options_outcome options_read(int count, char **words, struct check_options *out)
{
	static const struct option known[] = {
		{"operations", required_argument, NULL, 'o'},
		{"seed", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"set", required_argument, NULL, 'c'},
		{"only", required_argument, NULL, 'n'},
		{"output", required_argument, NULL, 'f'},
		{"netns", no_argument, NULL, 'w'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	uint32_t seed;
	int letter;

	nx_random_bytes(&seed, sizeof(seed)); /* short enough to be typed */
	*out = (struct check_options){.operations = 1000000, .seed = seed, .timeout_seconds = 60};
	while ((letter = getopt_long(count, words, "h", known, NULL)) != -1) {
		enum options_outcome outcome = option_take(letter, optarg, out);

		if (outcome != OPTIONS_RUN)
			return outcome;
	}
	if (optind != count - 1) {
		fprintf(stderr, "nexodus-plugin-check: expected one plugin file, found %d; see --help\n",
			count - optind);
		return OPTIONS_WRONG;
	}
	out->path = words[optind];
	return OPTIONS_RUN;
}
