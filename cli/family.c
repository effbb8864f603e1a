/* SPDX-License-Identifier: Apache-2.0 */
/* The API names a family's fields by a suffix; this is the one place of the CLI that knows them. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"

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
