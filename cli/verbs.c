/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <string.h>

const struct cli_verb *const cli_nouns[] = {
	cli_organization_verbs,	    cli_device_verbs, cli_user_verbs, cli_invitation_verbs,
	cli_registration_key_verbs, cli_ipam_verbs,   cli_nexd_verbs, NULL,
};

static const struct cli_verb *noun_find(const char *noun)
{
	for (size_t i = 0; cli_nouns[i]; i++)
		if (strcmp(cli_nouns[i]->noun, noun) == 0)
			return cli_nouns[i];
	return NULL;
}

bool cli_noun_known(const char *noun)
{
	return noun_find(noun) != NULL;
}

const struct cli_verb *cli_verb_find(const char *noun, const char *verb)
{
	const struct cli_verb *row = noun_find(noun);

	for (; row && row->noun; row++)
		if (!verb || strcmp(row->verb, verb) == 0)
			return row;
	return NULL;
}
