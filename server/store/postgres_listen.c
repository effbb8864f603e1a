/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications of other servers on the same database. */
#include <errno.h>
#include <poll.h>

#include "server/store/postgres.h"

enum nx_outcome nx_postgres_listen(struct nx_connection *connection, struct nx_error *error)
{
	return nx_execute(connection, "LISTEN nexodus_changes", false, error);
}

static void hand_over(struct nx_postgres *postgres, nx_notice_handler handler, void *context)
{
	PGnotify *notice;

	while ((notice = PQnotifies(postgres->handle))) {
		handler(context, notice->be_pid, notice->extra);
		PQfreemem(notice);
	}
}

enum nx_outcome nx_postgres_await(struct nx_connection *connection, int wake, nx_notice_handler handler,
				  void *context, struct nx_error *error)
{
	struct nx_postgres *postgres = nx_postgres_of(connection);
	struct pollfd sources[] = {
		{.fd = PQsocket(postgres->handle), .events = POLLIN},
		{.fd = wake, .events = POLLIN},
	};

	/* What came together with the answer to an earlier request is here already. */
	hand_over(postgres, handler, context);
	if (poll(sources, 2, -1) < 0 && errno != EINTR)
		return nx_postgres_failed(postgres, NULL, error);
	if (sources[0].revents && !PQconsumeInput(postgres->handle))
		return nx_postgres_failed(postgres, NULL, error);
	hand_over(postgres, handler, context);
	return NX_SQL_OK;
}
