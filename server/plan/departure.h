/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that is taken out of the database, with all that it brought: its columns and tables, the leases
 * of its family, and what the core keeps for that family. All of it works on the texts that are recorded
 * in the database, so that the plugin's file may be gone.
 */
#ifndef NX_SERVER_PLAN_DEPARTURE_H
#define NX_SERVER_PLAN_DEPARTURE_H

#include "server/plan/plan.h"
#include "server/resources/fields.h"

/*
 * Do it in the transaction, a rehearsal's or a real one, and fill the plan, whose `plugin` is set. `fields`
 * are those of the loaded plugins and tell which hosts cannot do another family; NULL: not known. Devices and
 * organizations get new revisions, so that agents learn of it like of any other change. NX_NOT_FOUND: the
 * database holds nothing of it. NX_INVALID: it is the core.
 */
enum nx_status nx_departure_run(struct nx_plan *plan, const struct nx_fields *fields, struct nx_tx *tx,
				struct nx_error *error);

/* --- departure_look.c: before it, what it would take along --- */

/* Fills steps, columns, the family, and what each organization loses. */
enum nx_status nx_departure_look(struct nx_plan *plan, const struct nx_fields *fields, struct nx_tx *tx,
				 struct nx_error *error);

#endif
