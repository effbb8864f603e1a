/* SPDX-License-Identifier: Apache-2.0 */
/* Forgetting old deletions. What was forgotten is noted, so that nobody resumes across it. */
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/watch/hub_internal.h"

struct pruning {
	struct nx_command command;
	int64_t before; /* seconds since 1970 */
};

static enum nx_status pruning_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	const struct pruning *pruning = (const struct pruning *)(const void *)command;
	enum nx_status status =
		nx_sql(tx, error,
		       "UPDATE organizations SET forgotten = (SELECT MAX(t.revision) FROM tombstones t"
		       " WHERE t.organization_id = organizations.id AND t.created_at < $1)"
		       " WHERE id IN (SELECT organization_id FROM tombstones WHERE created_at < $2)",
		       NX_PARAMS(NX_INT(pruning->before), NX_INT(pruning->before)));

	if (status == NX_OK)
		status = nx_sql(tx, error, "DELETE FROM tombstones WHERE created_at < $1",
				NX_PARAMS(NX_INT(pruning->before)));
	return status;
}

static void pruning_done(struct nx_command *command, enum nx_status status, const struct nx_error *error)
{
	if (status != NX_OK)
		nx_log(NX_LOG_WARNING, "old deletions not forgotten", "reason", error->message, NULL);
	free(command);
}

void nx_watch_prune(struct nx_watch_hub *hub)
{
	struct pruning *pruning = nx_alloc(sizeof(*pruning));

	pruning->command.run = pruning_run;
	pruning->command.done = pruning_done;
	pruning->before = time(NULL) - hub->retention;
	nx_store_submit(hub->server->store, &pruning->command);
}
