/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/organizations/{organization}/renumbering: its owner. How it stands, and who is waited for. */
#include <inttypes.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/renumbering/renumbering.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"
#include "server/watch/hub.h"

/* Devices that are named as those that are waited for. */
#define WAITING_TOLD 20

struct telling {
	struct nx_server *server;
	struct nx_buffer *out;
	size_t count;
};

static bool waiting_write(void *context, const char *id, const char *hostname)
{
	struct telling *telling = context;

	nx_buffer_text(telling->out, telling->count++ ? ",{\"id\":" : "{\"id\":");
	nx_json_write_string(telling->out, id);
	nx_buffer_text(telling->out, ",\"hostname\":");
	nx_json_write_string(telling->out, hostname);
	nx_buffer_printf(telling->out, ",\"online\":%s}",
			 nx_watch_online(telling->server->watch, id) ? "true" : "false");
	return telling->count < WAITING_TOLD;
}

/* Are devices asked to acknowledge in this state? */
static bool asked(enum nx_renumbering_state state)
{
	return state != NX_RENUMBERING_STARTING && state != NX_RENUMBERING_CLEARING &&
	       state != NX_RENUMBERING_ENDED;
}

static void time_write(struct nx_buffer *out, const char *name, int64_t seconds)
{
	char text[NX_TIME_TEXT];

	if (seconds)
		nx_buffer_printf(out, ",\"%s\":\"%s\"", name, nx_time_format(seconds, text));
	else
		nx_buffer_printf(out, ",\"%s\":null", name);
}

static void row_write(const struct nx_renumbering *row, const struct nx_renumbering_count *count,
		      struct nx_buffer *out)
{
	char old_prefix[NX_ADDRESS_TEXT], new_prefix[NX_ADDRESS_TEXT];
	bool ended = row->state == NX_RENUMBERING_ENDED;

	nx_buffer_printf(out,
			 "{\"family\":\"%s\",\"state\":\"%s\",\"outcome\":\"%s\",\"old_prefix\":\"%s\","
			 "\"new_prefix\":\"%s\",\"strategy\":",
			 row->family->key, nx_renumbering_state_name(row->state),
			 row->rolled_back ? "rolled back"
			 : row->turned	  ? "committed"
					  : "",
			 nx_prefix_format(&row->old_prefix, old_prefix),
			 nx_prefix_format(&row->new_prefix, new_prefix));
	nx_json_write_string(out, row->new_strategy);
	nx_buffer_printf(out, ",\"devices\":%" PRId64 ",\"ready\":%" PRId64 ",\"acknowledged\":%" PRId64,
			 count->devices, ended ? 0 : count->ready,
			 asked(row->state) ? count->acknowledged : 0);
	time_write(out, "started_at", row->started_at);
	time_write(out, "ends_at", ended ? 0 : row->ends_at);
	nx_buffer_text(out, ",\"problem\":");
	nx_json_write_string(out, row->problem);
}

enum nx_status nx_renumbering_write(struct nx_server *server, struct nx_tx *tx,
				    const struct nx_renumbering *row, struct nx_buffer *out,
				    struct nx_error *error)
{
	struct telling telling = {.server = server, .out = out};
	struct nx_renumbering_count count = {0};
	enum nx_status status = nx_renumbering_count(tx, server->fields, row, &count, error);

	if (status != NX_OK)
		return status;
	row_write(row, &count, out);
	nx_buffer_text(out, ",\"waiting\":[");
	if (asked(row->state))
		status = nx_renumbering_waiting(tx, server->fields, row, waiting_write, &telling, error);
	nx_buffer_text(out, "]}");
	return status;
}

struct showing {
	struct nx_request *request;
	struct nx_buffer body;
};

static enum nx_status show_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct showing *showing = context;
	struct nx_server *server = nx_request_server(showing->request);
	const char *id = nx_request_param(showing->request, "organization");
	NX_AUTO_FREE struct nx_renumbering_list *list = nx_alloc(sizeof(*list));
	NX_AUTO_FREE struct nx_value *organization = NULL;
	enum nx_status status = nx_organization_owned(
		server->fields, tx, nx_request_principal(showing->request), id, &organization, error);

	if (status == NX_OK)
		status = nx_renumbering_list(server->fields, tx, id, list, error);
	nx_buffer_clear(&showing->body);
	nx_buffer_text(&showing->body, "[");
	for (size_t i = 0; status == NX_OK && i < list->count; i++) {
		if (i)
			nx_buffer_text(&showing->body, ",");
		status = nx_renumbering_write(server, tx, &list->rows[i], &showing->body, error);
	}
	nx_buffer_text(&showing->body, "]");
	return status;
}

void nx_renumbering_show(struct nx_request *request)
{
	struct showing showing = {.request = request};
	struct nx_error error = {0};

	if (nx_store_read(nx_request_server(request)->store, show_read, &showing, &error) == NX_OK) {
		nx_reply_json(request, 200, &showing.body);
		return;
	}
	nx_buffer_free(&showing.body);
	nx_refuse(request, &error);
}
