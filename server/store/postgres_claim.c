/* SPDX-License-Identifier: Apache-2.0 */
/* Claims in PostgreSQL: advisory locks of a session, which end with it. */
#include <stdio.h>

#include "server/store/postgres.h"

/* The first of the two numbers of such a lock: "nexo". The second is the component's. */
#define CLASS "1852143727"

static bool take_text(void *context, const struct nx_row *row)
{
	snprintf(context, NX_CLAIMANT_TEXT, "%s", nx_row_text(row, 0));
	return false;
}

static enum nx_outcome ask(struct nx_connection *connection, const char *sql, uint32_t number,
			   char answer[static NX_CLAIMANT_TEXT], struct nx_error *error)
{
	const struct nx_value lock = NX_INT(number);
	const struct nx_request request = {
		.sql = sql, .params = &lock, .count = 1, .each = take_text, .context = answer};

	answer[0] = '\0';
	return nx_postgres_execute(connection, &request, error);
}

enum nx_outcome nx_postgres_claim(struct nx_connection *connection, const char *database, uint32_t number,
				  enum nx_claim how, struct nx_error *error)
{
	static const char *const statements[] = {
		[NX_CLAIM_SHARED] = "SELECT pg_advisory_lock_shared(" CLASS ", $1::bigint::int)",
		[NX_CLAIM_ALONE] = "SELECT pg_try_advisory_lock(" CLASS ", $1::bigint::int)",
		[NX_CLAIM_YIELD] = "SELECT pg_advisory_unlock(" CLASS ", $1::bigint::int)",
	};
	char answer[NX_CLAIMANT_TEXT];
	enum nx_outcome outcome = ask(connection, statements[how], number, answer, error);

	(void)database;
	if (how != NX_CLAIM_ALONE || outcome != NX_SQL_OK || answer[0] == '1')
		return outcome;
	nx_fail(error, NX_UNAVAILABLE, NULL, "another server works with it");
	return NX_SQL_BUSY;
}

enum nx_outcome nx_postgres_claimant(struct nx_connection *connection, const char *database, uint32_t number,
				     char who[static NX_CLAIMANT_TEXT], struct nx_error *error)
{
	(void)database;
	return ask(
		connection,
		"SELECT 'session ' || l.pid || ' from ' || coalesce(host(a.client_addr), 'its own machine')"
		" FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
		" WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()"
		" AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
		" AND l.classid = " CLASS " AND l.objid = $1::bigint::oid AND l.objsubid = 2"
		" ORDER BY l.pid LIMIT 1",
		number, who, error);
}
