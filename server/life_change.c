/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that comes into the database or goes: what takes the place of a server's life then. */
#include "base/memory.h"
#include "server/ipam/lease.h"
#include "server/life_inside.h"
#include "server/options.h"
#include "server/plan/arrival.h"
#include "server/plan/departure.h"
#include "server/resources/fields.h"
#include "server/store/rehearsal.h"

struct rehearsal {
	struct nx_server *server;
	struct nx_plan *plan;
	const char *database;
};

static enum nx_status add_rehearse(struct nx_tx *tx, void *context, struct nx_error *error)
{
	const struct rehearsal *rehearsal = context;
	struct nx_plan *plan = rehearsal->plan;
	size_t count;
	NX_AUTO_FREE struct nx_component *components = nx_life_components(rehearsal->server, &count);
	enum nx_status status =
		nx_claimant(tx, rehearsal->database, nx_core_component.name, plan->server, error);

	return status == NX_OK ? nx_arrival_rehearse(plan, rehearsal->server, components, count, tx, error)
			       : status;
}

static enum nx_status drop_rehearse(struct nx_tx *tx, void *context, struct nx_error *error)
{
	const struct rehearsal *rehearsal = context;
	struct nx_plan *plan = rehearsal->plan;
	enum nx_status status = nx_claimant(tx, rehearsal->database, plan->plugin, plan->server, error);

	return status == NX_OK ? nx_departure_run(plan, rehearsal->server->fields, tx, error) : status;
}

/* To take one away no plugin is needed; if any are open, all are. */
static enum nx_status plugins_begin(struct nx_server *server, const struct nx_plan *plan,
				    struct nx_error *error)
{
	enum nx_status status = NX_OK;

	if (plan->adding)
		status = nx_life_load(server, error);
	return status == NX_OK && server->plugins ? nx_life_fields(server, error) : status;
}

enum nx_status nx_life_rehearse(struct nx_server *server, struct nx_plan *plan, struct nx_error *error)
{
	struct nx_store_options options = {0};
	NX_AUTO_FREE char *database = NULL;
	struct rehearsal rehearsal = {.server = server, .plan = plan};
	enum nx_status status = nx_options_store(server->config, &options, &database, error);

	rehearsal.database = database;
	if (status == NX_OK)
		status = plugins_begin(server, plan, error);
	if (status == NX_OK)
		status = nx_store_rehearse(&options, plan->adding ? add_rehearse : drop_rehearse, &rehearsal,
					   error);
	nx_leases_free(NX_TAKE(server->leases));
	nx_fields_free(NX_TAKE(server->fields));
	return status;
}

/* As a start does it. */
static enum nx_status add_plugin(struct nx_server *server, struct nx_error *error)
{
	enum nx_status status = nx_life_migrate(server, error);

	if (status == NX_OK)
		status = nx_store_start(server->store, error);
	if (status == NX_OK)
		status = nx_life_fields(server, error);
	return status == NX_OK ? nx_leases_family_arrived(server, error) : status;
}

static enum nx_status drop_in(struct nx_tx *tx, void *context, struct nx_error *error)
{
	const struct rehearsal *real = context;

	return nx_departure_run(real->plan, real->server->fields, tx, error);
}

static enum nx_status drop_plugin(struct nx_server *server, struct nx_plan *plan, struct nx_error *error)
{
	struct rehearsal real = {.server = server, .plan = plan};
	enum nx_status status = server->plugins ? nx_life_fields(server, error) : NX_OK;

	return status == NX_OK ? nx_store_alone(server->store, drop_in, &real, error) : status;
}

enum nx_status nx_life_change(struct nx_server *server, struct nx_plan *plan, struct nx_error *error)
{
	enum nx_status status = nx_life_store_open(server, error);

	if (status == NX_OK)
		status = nx_store_claim_alone(server->store,
					      plan->adding ? nx_core_component.name : plan->plugin, error);
	if (status == NX_OK)
		status = plan->adding ? add_plugin(server, error) : drop_plugin(server, plan, error);
	plan->done = status == NX_OK;
	return status;
}
