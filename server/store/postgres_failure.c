/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL's SQLSTATE codes mean for a command. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "server/store/postgres.h"

/* The first row whose text the code starts with. */
static const struct {
	const char *state;
	enum nx_outcome outcome;
} meanings[] = {
	{"23505", NX_SQL_UNIQUE}, {"40001", NX_SQL_RACE}, /* serialization failure */
	{"40P01", NX_SQL_RACE},				  /* deadlock */
	{"55P03", NX_SQL_BUSY},				  /* lock_timeout */
	{"57014", NX_SQL_BUSY},	 /* statement_timeout, or an administrator cancelled it */
	{"53", NX_SQL_DISK},	 /* disk, memory, connections used up */
	{"58", NX_SQL_DISK},	 /* I/O errors */
	{"08P01", NX_SQL_WRONG}, /* a parameter too few, say */
	{"08", NX_SQL_LOST},	 /* connection */
	{"57P", NX_SQL_LOST},	 /* shut down, crashed, terminated */
	{"25P03", NX_SQL_LOST},	 /* idle in a transaction for too long: we were frozen */
};

static enum nx_outcome judge_state(const struct nx_postgres *postgres, const char *state)
{
	/* The server became a standby: another of the connection string's hosts may be writable. */
	if (strcmp(state, "25006") == 0 && postgres->use == NX_USE_WRITE)
		return NX_SQL_LOST;
	for (size_t i = 0; i < NX_COUNT(meanings); i++) {
		if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
			return meanings[i].outcome;
	}
	return NX_SQL_WRONG;
}

/* libpq's sentences have several lines, with tabs; ours has one. */
static void copy_line(char *line, size_t size, const char *text)
{
	size_t length = 0;

	for (; *text && length + 1 < size; text++) {
		bool blank = strchr(" \t\r\n", *text) != NULL;

		if (!blank)
			line[length++] = *text;
		else if (length > 0 && line[length - 1] != ' ')
			line[length++] = ' ';
	}
	while (length > 0 && line[length - 1] == ' ')
		length--;
	line[length] = '\0';
}

static const char *introduce(enum nx_outcome outcome)
{
	switch (outcome) {
	case NX_SQL_BUSY:
		return "another session holds a lock in the database for too long";
	case NX_SQL_DISK:
		return "the database has run out of something";
	case NX_SQL_LOST:
		return "the database is out of reach";
	case NX_SQL_UNIQUE:
		return "the database refused";
	case NX_SQL_RACE:
		return "another session was in the way";
	default:
		return "the database failed";
	}
}

enum nx_outcome nx_postgres_failed(const struct nx_postgres *postgres, const PGresult *result,
				   struct nx_error *error)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	enum nx_outcome outcome;
	char line[240];

	/* Without a code it was libpq that gave up. */
	outcome = state ? judge_state(postgres, state) : NX_SQL_LOST;
	copy_line(line, sizeof(line), text ? text : PQerrorMessage(postgres->handle));
	nx_fail(error, nx_outcome_status(outcome), NULL, "%s: %s", introduce(outcome),
		line[0] ? line : "no answer");
	return outcome;
}
