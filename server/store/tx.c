/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/tx.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* PostgreSQL takes less than 8000 bytes; what is longer works nowhere, so that tests notice. */
#define NOTICE_LIMIT 7999

/* Room for one more in an array that doubles. */
static void *grow_array(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	return nx_realloc_array(array, *room, size);
}

void nx_tx_at_end(struct nx_tx *tx, void (*hook)(void *context, enum nx_tx_end end), void *context)
{
	tx->hooks = grow_array(tx->hooks, tx->hook_count, &tx->hook_room, sizeof(*tx->hooks));
	tx->hooks[tx->hook_count++] = (struct nx_tx_hook){.run = hook, .context = context};
}

enum nx_status nx_tx_notify(struct nx_tx *tx, const char *payload, struct nx_error *error)
{
	if (payload[0] == '\0' || strlen(payload) > NOTICE_LIMIT)
		return nx_fail(error, NX_INTERNAL, NULL, "a notification has 1 to %d bytes", NOTICE_LIMIT);
	if (!tx->connection->backend->notify)
		return NX_OK;
	tx->notices = grow_array(tx->notices, tx->notice_count, &tx->notice_room, sizeof(*tx->notices));
	tx->notices[tx->notice_count++] = nx_strdup(payload);
	return NX_OK;
}

enum nx_store_kind nx_tx_kind(const struct nx_tx *tx)
{
	return tx->connection->backend->kind;
}

struct nx_tx_mark nx_tx_mark(const struct nx_tx *tx)
{
	return (struct nx_tx_mark){.hooks = tx->hook_count, .notices = tx->notice_count};
}

static void drop_notices(struct nx_tx *tx, size_t keep)
{
	while (tx->notice_count > keep)
		free(tx->notices[--tx->notice_count]);
}

void nx_tx_unwind(struct nx_tx *tx, struct nx_tx_mark mark, enum nx_tx_end end)
{
	while (tx->hook_count > mark.hooks) {
		struct nx_tx_hook hook = tx->hooks[--tx->hook_count];

		hook.run(hook.context, end);
	}
	drop_notices(tx, mark.notices);
}

void nx_tx_settle(struct nx_tx *tx, enum nx_tx_end end)
{
	for (size_t i = 0; i < tx->hook_count; i++)
		tx->hooks[i].run(tx->hooks[i].context, end);
	tx->hook_count = 0;
	drop_notices(tx, 0);
}

void nx_tx_clear_failure(struct nx_tx *tx)
{
	tx->outcome = NX_SQL_OK;
	tx->written = false;
}

static bool same_subject(const char *a, const char *b)
{
	size_t length = strcspn(a, " ");

	return length == strcspn(b, " ") && memcmp(a, b, length) == 0;
}

static bool superseded(const struct nx_tx *tx, size_t index)
{
	for (size_t i = index + 1; i < tx->notice_count; i++) {
		if (same_subject(tx->notices[index], tx->notices[i]))
			return true;
	}
	return false;
}

enum nx_outcome nx_tx_send_notices(struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_backend *backend = tx->connection->backend;
	enum nx_outcome outcome = NX_SQL_OK;

	for (size_t i = 0; i < tx->notice_count && outcome == NX_SQL_OK; i++) {
		struct nx_value payload = NX_TEXT(tx->notices[i]);
		struct nx_request request = {
			.sql = backend->notify, .params = &payload, .count = 1, .deferrable = true};

		if (!superseded(tx, i))
			outcome = backend->execute(tx->connection, &request, error);
	}
	return outcome;
}

enum nx_status nx_tx_verdict(const struct nx_tx *tx, enum nx_status status, struct nx_error *error)
{
	/* Its SQL failed, and it must not get away with saying otherwise. What it says of a
	 * conflict of its own accord may be the better sentence. */
	if (tx->outcome == NX_SQL_OK || status == tx->failure.status)
		return status;
	*error = tx->failure;
	return tx->failure.status;
}

void nx_tx_free(struct nx_tx *tx)
{
	drop_notices(tx, 0);
	free(tx->notices);
	free(tx->hooks);
	*tx = (struct nx_tx){0};
}
