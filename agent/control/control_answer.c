/* SPDX-License-Identifier: Apache-2.0 */
/* From one request line to one answer. */
#include <string.h>

#include "agent/control/control.h"
#include "base/json.h"
#include "base/memory.h"

void nx_control_error(struct nx_buffer *out, const char *message)
{
	nx_buffer_text(out, "{\"error\":");
	nx_json_write_string(out, message);
	nx_buffer_text(out, "}");
}

static void version_write(struct nx_buffer *out)
{
	nx_buffer_text(out, "{\"version\":");
	nx_json_write_string(out, NEXODUS_VERSION);
	nx_buffer_text(out, "}");
}

static void drain_answer(const struct nx_control_source *source, const struct nx_json *request,
			 struct nx_buffer *out)
{
	const struct nx_control_drain wish = {
		.undo = nx_json_member_boolean(request, "undo", false),
		.force = nx_json_member_boolean(request, "force", false),
	};

	source->drain(source->context, &wish, out);
}

/* False: the answer is waited for. */
static bool peers_answer(const struct nx_control_source *source, const struct nx_json *request,
			 struct nx_buffer *out)
{
	if (nx_json_member_boolean(request, "measure", false) && source->measure(source->context))
		return false;
	source->peers(source->context, out);
	return true;
}

static bool command_answer(const struct nx_control_source *source, const char *command,
			   const struct nx_json *request, struct nx_buffer *out)
{
	if (strcmp(command, "peers") == 0)
		return peers_answer(source, request, out);
	if (strcmp(command, "status") == 0)
		source->status(source->context, out);
	else if (strcmp(command, "version") == 0)
		version_write(out);
	else if (strcmp(command, "drain") == 0)
		drain_answer(source, request, out);
	else
		nx_control_error(out, "unknown command: status, peers, version and drain are known");
	return true;
}

bool nx_control_answer(const struct nx_control_source *source, const char *line, size_t length,
		       struct nx_buffer *out)
{
	NX_AUTO_JSON struct nx_json *request = NULL;
	struct nx_error error = {0};
	const char *command = NULL;

	if (nx_json_parse(line, length, &request, &error) == NX_OK)
		command = nx_json_member_string(request, "command", NULL);
	if (!command)
		nx_control_error(out,
				 *error.message ? error.message : "a request is {\"command\":\"status\"}");
	else if (!command_answer(source, command, request, out))
		return false;
	nx_buffer_text(out, "\n");
	return true;
}
