/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/reply.h"

#include <stdio.h>
#include <string.h>

#include "server/ipam/strategies.h"
#include "server/watch/hub.h"

static void refuse_field(struct nx_request *request, const struct nx_error *error)
{
	bool missing = strcmp(error->message, NX_FIELD_NOT_PRESENT) == 0;
	struct nx_buffer body = {0};

	nx_buffer_printf(&body, "{\"error\":\"%s\",\"field\":",
			 missing ? NX_FIELD_NOT_PRESENT : "invalid data in field");
	nx_json_write_string(&body, error->field);
	if (!missing) {
		nx_buffer_text(&body, ",\"reason\":");
		nx_json_write_string(&body, error->message);
	}
	nx_buffer_text(&body, "}");
	nx_reply_json(request, 400, &body);
}

void nx_refuse(struct nx_request *request, const struct nx_error *error)
{
	if (error->status == NX_INVALID && error->field[0])
		refuse_field(request, error);
	else
		nx_reply_error(request, error);
}

enum nx_status nx_exists(struct nx_error *error, const char *id)
{
	nx_fail(error, NX_CONFLICT, NULL, "resource already exists");
	if (error && id)
		snprintf(error->id, sizeof(error->id), "%s", id);
	return NX_CONFLICT;
}

/* --- writes -------------------------------------------------------------------- */

static void write_reset(struct nx_write *write)
{
	nx_buffer_clear(&write->body);
	if (write->end)
		write->end(write);
}

static enum nx_status write_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_write *write = (struct nx_write *)(void *)command;

	write_reset(write);
	if (write->asking)
		nx_asking_begin(write->asking);
	return write->run(write, tx, error);
}

static void write_refuse(struct nx_write *write, const struct nx_error *error)
{
	write_reset(write);
	nx_buffer_free(&write->body);
	nx_refuse(write->request, error);
}

/* --- what a strategy has to be asked for first --- */

static void write_answered(void *context, const struct nx_proposal *proposal)
{
	struct nx_write *write = context;

	if (proposal->status != NX_OK) {
		write_refuse(write, &proposal->error);
		return;
	}
	nx_asking_answer(write->asking, &proposal->address);
	nx_write_submit(write);
}

static void write_ask(struct nx_write *write)
{
	struct nx_strategies *strategies = write->server->strategies;
	struct nx_asking *asking = write->asking;

	write_reset(write);
	if (!asking->deadline)
		asking->deadline = nx_strategies_deadline(strategies);
	nx_strategies_ask(strategies, &asking->question, asking->deadline, write_answered, write);
}

static void write_done(struct nx_command *command, enum nx_status status, const struct nx_error *error)
{
	struct nx_write *write = (struct nx_write *)(void *)command;
	struct nx_buffer body = write->body;

	if (status == NX_UNAVAILABLE && write->asking && write->asking->open) {
		write_ask(write);
		return;
	}
	if (status == NX_OK && write->committed)
		write->committed(write);
	nx_watch_flush(write->server->watch);
	if (status != NX_OK) {
		write_refuse(write, error);
		return;
	}
	if (write->end)
		write->end(write);
	write->body = (struct nx_buffer){0};
	if (write->status == 204) {
		nx_buffer_free(&body);
		nx_reply_empty(write->request, 204);
	} else {
		nx_reply_json(write->request, write->status, &body);
	}
}

void *nx_write_new(struct nx_request *request, size_t size, unsigned status,
		   enum nx_status (*run)(struct nx_write *write, struct nx_tx *tx, struct nx_error *error))
{
	struct nx_write *write = nx_request_alloc(request, size);

	write->command.run = write_run;
	write->command.done = write_done;
	write->request = request;
	write->server = nx_request_server(request);
	write->who = nx_request_principal(request);
	write->status = status;
	write->run = run;
	return write;
}

void nx_write_submit(struct nx_write *write)
{
	nx_store_submit(write->server->store, &write->command);
}
