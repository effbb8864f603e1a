/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/asking.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"

void nx_asking_begin(struct nx_asking *asking)
{
	asking->open = false;
}

struct nx_asked *nx_asking_find(struct nx_asking *asking, size_t place, const char *organization_id,
				const struct nx_strategy *strategy, const struct nx_prefix *prefix)
{
	struct nx_asked *asked = &asking->asked[place];

	if (strcmp(asking->organization_id, organization_id) != 0) {
		memset(asking->asked, 0, sizeof(asking->asked));
		snprintf(asking->organization_id, sizeof(asking->organization_id), "%s", organization_id);
	}
	if (asked->ops != strategy->ops || nx_prefix_compare(&asked->prefix, prefix) != 0)
		*asked = (struct nx_asked){.ops = strategy->ops, .prefix = *prefix};
	return asked;
}

void nx_asking_answer(struct nx_asking *asking, const struct nx_address *address)
{
	asking->asked[asking->place].address = *address;
	asking->open = false; /* also when it is never run again, because the queue is full */
}
