/* SPDX-License-Identifier: Apache-2.0 */
/* Feature flags, for clients that ask before they offer something. */
#include <string.h>

#include "base/memory.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"

static const char *const flags[] = {"multi-organization"}; /* all of them are on */

static void flag_write(struct nx_buffer *body, const char *name)
{
	nx_buffer_printf(body, "%s\"%s\":true", body->length > 1 ? "," : "", name);
}

void nx_fflags_list(struct nx_request *request)
{
	struct nx_buffer body = {0};

	nx_buffer_text(&body, "{");
	for (size_t i = 0; i < NX_COUNT(flags); i++)
		flag_write(&body, flags[i]);
	nx_buffer_text(&body, "}");
	nx_reply_json(request, 200, &body);
}

void nx_fflag_show(struct nx_request *request)
{
	const char *name = nx_request_param(request, "name");
	struct nx_buffer body = {0};
	struct nx_error error = {0};

	for (size_t i = 0; i < NX_COUNT(flags); i++) {
		if (strcmp(flags[i], name) != 0)
			continue;
		nx_buffer_text(&body, "{");
		flag_write(&body, flags[i]);
		nx_buffer_text(&body, "}");
		nx_reply_json(request, 200, &body);
		return;
	}
	nx_not_found(&error, "fflag");
	nx_refuse(request, &error);
}
