/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending and reading, apart. Requests leave without a wait; a sync point tells
 * the server to answer, and after a failure it skips what was sent before that
 * point. So the first failure is the one that counts.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "server/store/postgres.h"

void nx_postgres_sent(struct nx_postgres *postgres, const struct nx_postgres_pending *pending)
{
	if (postgres->pending_count == postgres->pending_room) {
		postgres->pending_room = postgres->pending_room ? postgres->pending_room * 2 : 64;
		postgres->pending = nx_realloc_array(postgres->pending, postgres->pending_room,
						     sizeof(*postgres->pending));
	}
	postgres->pending[postgres->pending_count++] = *pending;
}

bool nx_postgres_sync(struct nx_postgres *postgres)
{
	struct nx_postgres_pending sync = {.type = NX_PENDING_SYNC};

	if (!PQpipelineSync(postgres->handle))
		return false;
	nx_postgres_sent(postgres, &sync);
	return true;
}

/* Send what is waiting to be sent and take what has come, within the connection's patience. */
static bool exchange(struct nx_postgres *postgres)
{
	struct pollfd socket = {.fd = PQsocket(postgres->handle), .events = POLLIN};
	int unsent = PQflush(postgres->handle);
	int ready;

	if (unsent < 0 || socket.fd < 0)
		return false;
	if (unsent > 0)
		socket.events |= POLLOUT;
	do {
		ready = poll(&socket, 1, postgres->patience);
	} while (ready < 0 && errno == EINTR);
	return ready > 0 && PQconsumeInput(postgres->handle);
}

PGresult *nx_postgres_result(struct nx_postgres *postgres)
{
	while (!postgres->lost && PQisBusy(postgres->handle))
		postgres->lost = !exchange(postgres);
	return postgres->lost ? NULL : PQgetResult(postgres->handle);
}

static enum nx_outcome judge_result(struct nx_postgres *postgres, const PGresult *result,
				    const struct nx_request *request, bool *wanted, struct nx_error *error)
{
	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
		if (*wanted)
			*wanted = nx_postgres_deliver(request, result);
		return NX_SQL_OK;
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
	case PGRES_PIPELINE_ABORTED: /* the failure that it follows from has been told */
		return NX_SQL_OK;
	default:
		return nx_postgres_failed(postgres, result, error);
	}
}

static void note_figures(struct nx_postgres *postgres, PGresult *result, const struct nx_request *request)
{
	snprintf(postgres->tag, sizeof(postgres->tag), "%s", PQcmdStatus(result));
	if (request->changed)
		*request->changed = strtoll(PQcmdTuples(result), NULL, 10);
}

/* All results of one statement, or the one of a sync point. */
static enum nx_outcome collect_one(struct nx_postgres *postgres, const struct nx_postgres_pending *pending,
				   const struct nx_request *request, struct nx_error *error)
{
	enum nx_outcome outcome = NX_SQL_OK;
	bool wanted = request && request->each, done = false;

	if (request && request->stream)
		PQsetSingleRowMode(postgres->handle);
	for (;;) {
		PGresult *result = nx_postgres_result(postgres);
		ExecStatusType status = PQresultStatus(result);

		if (!result) /* of a lost connection too; nothing came then */
			return done ? outcome : nx_postgres_failed(postgres, NULL, error);
		done = true;
		if (status == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			return outcome;
		}
		if (outcome == NX_SQL_OK)
			outcome = judge_result(postgres, result, request, &wanted, error);
		if (outcome == NX_SQL_OK && request)
			note_figures(postgres, result, request);
		if (pending->type == NX_PENDING_PREPARE && status != PGRES_COMMAND_OK)
			nx_cache_remove(&postgres->statements, &pending->statement->head);
		PQclear(result);
		if (pending->type == NX_PENDING_SYNC)
			return outcome != NX_SQL_OK ? outcome : nx_postgres_failed(postgres, NULL, error);
	}
}

enum nx_outcome nx_postgres_collect(struct nx_postgres *postgres, const struct nx_request *request,
				    struct nx_error *error)
{
	enum nx_outcome outcome = NX_SQL_OK, one = NX_SQL_OK;
	size_t count = postgres->pending_count;

	for (size_t i = 0; i < count && one != NX_SQL_LOST; i++) {
		/* The statement of the request stands before the last sync point. */
		bool asked = request && outcome == NX_SQL_OK && i + 2 == count;

		one = collect_one(postgres, &postgres->pending[i], asked ? request : NULL,
				  outcome == NX_SQL_OK ? error : NULL);
		if (outcome == NX_SQL_OK)
			outcome = one;
	}
	postgres->pending_count = 0;
	if (one == NX_SQL_LOST && outcome != NX_SQL_LOST)
		return nx_postgres_failed(postgres, NULL, error);
	return outcome;
}

enum nx_outcome nx_postgres_flush(struct nx_connection *connection, struct nx_error *error)
{
	struct nx_postgres *postgres = nx_postgres_of(connection);
	size_t count = postgres->pending_count;

	if (count == 0)
		return NX_SQL_OK;
	if (postgres->pending[count - 1].type != NX_PENDING_SYNC && !nx_postgres_sync(postgres))
		return nx_postgres_failed(postgres, NULL, error);
	return nx_postgres_collect(postgres, NULL, error);
}

/* The simple protocol takes several statements in one text, and has no pipeline. */
static enum nx_outcome run_simply(struct nx_postgres *postgres, const char *text, struct nx_error *error)
{
	enum nx_outcome outcome = NX_SQL_OK;
	PGresult *result;
	bool wanted = false;

	if (!PQsendQuery(postgres->handle, text))
		return nx_postgres_failed(postgres, NULL, error);
	while ((result = nx_postgres_result(postgres))) {
		if (outcome == NX_SQL_OK)
			outcome = judge_result(postgres, result, NULL, &wanted, error);
		PQclear(result);
	}
	if (outcome == NX_SQL_OK && postgres->lost)
		return nx_postgres_failed(postgres, NULL, error);
	return outcome;
}

enum nx_outcome nx_postgres_script(struct nx_connection *connection, const char *text, struct nx_error *error)
{
	struct nx_postgres *postgres = nx_postgres_of(connection);
	enum nx_outcome outcome = nx_postgres_flush(connection, error);

	if (outcome != NX_SQL_OK)
		return outcome;
	if (postgres->lost || !PQexitPipelineMode(postgres->handle))
		return nx_postgres_failed(postgres, NULL, error);
	outcome = run_simply(postgres, text, error);
	if (!PQenterPipelineMode(postgres->handle) && outcome == NX_SQL_OK)
		return nx_postgres_failed(postgres, NULL, error);
	return outcome;
}
