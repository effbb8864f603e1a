/* SPDX-License-Identifier: Apache-2.0 */
/* The API names a family's fields by a suffix; this is the one place of the CLI that knows them. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/memory.h"

/* Families by the names that people call them. */
static const struct {
	const char *name;
	const char *suffix;
} families[] = {
	{"ipv4", ""},
	{"ipv6", "_v6"},
};

static const char *family_suffix(const char *text)
{
	struct nx_prefix prefix;
	struct nx_address address;

	if (nx_prefix_parse(text, &prefix))
		address = prefix.address;
	else if (!nx_address_parse(text, &address))
		/* What is no address is the server's to refuse: it knows what was meant. */
		return strchr(text, ':') ? "_v6" : "";
	return address.length == 16 ? "_v6" : "";
}

bool cli_put_by_family(struct nx_json *object, const char *name, const char *list)
{
	NX_AUTO_FREE char *copy = nx_strdup(list);
	char *rest = copy;

	for (char *text = strsep(&rest, ","); text; text = strsep(&rest, ",")) {
		NX_AUTO_FREE char *field = NULL;

		text += strspn(text, " ");
		field = nx_printf("%s%s", name, family_suffix(text));
		if (nx_json_member(object, field)) {
			fprintf(stderr, "nexctl: '%s' names one family twice\n", list);
			return false;
		}
		nx_json_put_string(object, field, text);
	}
	return true;
}

static const char *named_suffix(const char *name, size_t length)
{
	for (size_t i = 0; i < NX_COUNT(families); i++) {
		if (strlen(families[i].name) == length && strncasecmp(families[i].name, name, length) == 0)
			return families[i].suffix;
	}
	return NULL;
}

static bool put_once(struct nx_json *object, const char *name, const char *suffix, const char *value)
{
	NX_AUTO_FREE char *field = nx_printf("%s%s", name, suffix);

	if (nx_json_member(object, field))
		return false;
	nx_json_put_string(object, field, value);
	return true;
}

/* "ipv6=NAME", or "NAME" for every family. */
static bool put_named(struct nx_json *object, const char *name, const char *text)
{
	const char *equals = strchr(text, '='), *suffix;
	bool once = true;

	if (!equals) {
		for (size_t i = 0; i < NX_COUNT(families); i++)
			once = put_once(object, name, families[i].suffix, text) && once;
	} else {
		suffix = named_suffix(text, (size_t)(equals - text));
		if (!suffix) {
			fprintf(stderr, "nexctl: '%s': expected ipv4=… or ipv6=…\n", text);
			return false;
		}
		once = put_once(object, name, suffix, equals + 1);
	}
	if (!once)
		fprintf(stderr, "nexctl: '%s' says of a family twice what it is to have\n", text);
	return once;
}

bool cli_put_by_family_name(struct nx_json *object, const char *name, const char *list)
{
	NX_AUTO_FREE char *copy = nx_strdup(list);
	char *rest = copy;

	for (char *text = strsep(&rest, ","); text; text = strsep(&rest, ",")) {
		if (!put_named(object, name, text + strspn(text, " ")))
			return false;
	}
	return true;
}

bool cli_put_prefixes(const struct cli *cli, struct nx_json *object)
{
	const char *prefixes = cli_value(cli, "cidr"), *v6 = cli_value(cli, "cidr-v6");
	const char *strategies = cli_value(cli, "strategy");

	if (prefixes && !cli_put_by_family(object, "cidr", prefixes))
		return false;
	if (v6 && !put_once(object, "cidr", "_v6", v6)) {
		cli_usage(cli, "--cidr and --cidr-v6 both name an IPv6 prefix");
		return false;
	}
	return !strategies || cli_put_by_family_name(object, "strategy", strategies);
}
