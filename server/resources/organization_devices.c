/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/organizations/{organization}/devices: the list, or with `gt_revision` what has
 * changed since then, in order, deletions as {"id","revision","public_key","deleted":true}.
 * X-Revision tells from where to ask on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/access.h"
#include "server/resources/device_show.h"
#include "server/resources/handlers.h"
#include "server/resources/history.h"
#include "server/resources/reply.h"

struct asking {
	struct nx_request *request;
	struct nx_list_query query;
	int64_t from; /* negative: the list as it is */
	struct nx_history history;
	struct nx_buffer body;
	int64_t revision;
	int64_t total;
};

static enum nx_status list_read(struct asking *asking, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_server *server = nx_request_server(asking->request);
	struct nx_list list = {
		.columns = &server->fields->devices,
		.from = "FROM devices WHERE organization_id = $1",
		.params = {NX_TEXT(nx_request_param(asking->request, "organization"))},
		.param_count = 1,
		.write = nx_device_show_write,
		.context = server,
	};

	nx_buffer_clear(&asking->body);
	return nx_list_run(tx, &list, &asking->query, &asking->body, &asking->total, error);
}

static enum nx_status asking_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct asking *asking = context;
	struct nx_request *request = asking->request;
	const struct nx_fields *fields = nx_request_server(request)->fields;
	const char *id = nx_request_param(request, "organization");
	NX_AUTO_FREE struct nx_value *record = NULL;
	enum nx_status status =
		nx_organization_find(fields, tx, nx_request_principal(request), id, &record, error);

	if (status != NX_OK)
		return status;
	asking->revision = record[NX_ORGANIZATION_REVISION].integer;
	if (asking->from < 0)
		return list_read(asking, tx, error);
	return nx_history_read(fields, tx, id, asking->from, SIZE_MAX, &asking->history, error);
}

static void changes_write(struct asking *asking)
{
	const struct nx_history *history = &asking->history;

	nx_buffer_text(&asking->body, "[");
	for (size_t i = 0; i < history->count; i++) {
		const struct nx_history_item *item = &history->items[i];

		if (item->kind != NX_WATCH_DEVICE || (item->deleted && asking->from == 0))
			continue;
		if (asking->total++)
			nx_buffer_append(&asking->body, ",", 1);
		nx_buffer_append(&asking->body, history->text.data + item->offset, item->length);
		if (item->deleted)
			nx_json_extend(&asking->body, "deleted", "true");
	}
	nx_buffer_text(&asking->body, "]");
}

static void asking_answer(struct asking *asking)
{
	const struct nx_history *history = &asking->history;
	char revision[24];

	if (asking->from >= 0 && !nx_history_resumable(asking->from, history->revision, history->forgotten)) {
		nx_history_refuse(asking->request, history->revision);
		return;
	}
	if (asking->from >= 0)
		changes_write(asking);
	snprintf(revision, sizeof(revision), "%" PRId64,
		 asking->from >= 0 ? history->revision : asking->revision);
	nx_reply_header(asking->request, "X-Revision", revision);
	nx_list_reply(asking->request, asking->total, &asking->body);
}

static enum nx_status from_read(struct asking *asking, struct nx_error *error)
{
	const char *text = nx_request_query(asking->request, "gt_revision");
	char *end;

	asking->from = -1;
	if (!text || !text[0])
		return NX_OK;
	errno = 0;
	asking->from = strtoll(text, &end, 10);
	if (errno || *end || text[strspn(text, "0123456789")])
		return nx_fail(error, NX_INVALID, "gt_revision", "expected a whole number, 0 or more");
	return NX_OK;
}

void nx_organization_devices(struct nx_request *request)
{
	struct asking asking = {.request = request};
	struct nx_server *server = nx_request_server(request);
	struct nx_error error = {0};
	enum nx_status status = nx_list_query_read(request, &server->fields->devices, &asking.query, &error);

	if (status == NX_OK)
		status = from_read(&asking, &error);
	if (status == NX_OK)
		status = nx_store_read(server->store, asking_read, &asking, &error);
	nx_list_query_clean(&asking.query);
	if (status == NX_OK)
		asking_answer(&asking);
	else
		nx_refuse(request, &error);
	nx_buffer_free(&asking.body);
	nx_history_clean(&asking.history);
}
