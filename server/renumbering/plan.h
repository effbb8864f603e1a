/* SPDX-License-Identifier: Apache-2.0 */
/* What a renumbering would do, found out without doing it. Any transaction; nothing is written. */
#ifndef NX_SERVER_RENUMBERING_PLAN_H
#define NX_SERVER_RENUMBERING_PLAN_H

#include "server/renumbering/renumbering.h"

/* Devices that a plan names, of however many. */
#define NX_PLAN_DEVICES 1000

struct nx_renumbering_plan {
	struct nx_renumbering row;	  /* as it would begin; `stage` and `started_at` are still 0 */
	char strategy[NX_TEXT_LIMIT + 1]; /* that would choose, by its name */
	uint64_t capacity;		  /* of the new prefix */
	int64_t devices;		  /* that have an address now */
	/* Of these: keep it, keep their host part, get the one that is reserved for them or one by the
	 * strategy. */
	int64_t same, moved, chosen;
	size_t problem_count;
	struct nx_buffer problems;  /* JSON: strings, separated by commas */
	struct nx_buffer addresses; /* the same, of objects; those named */
	size_t named;
};

/*
 * What the body of a request asks for: the prefix, or the strategy, of one family, by the names that an
 * organization's fields have. NX_INVALID with the field.
 */
enum nx_status nx_renumbering_plan_read(const struct nx_server *server, const struct nx_json *body,
					const struct nx_value *organization, struct nx_renumbering_plan *out,
					struct nx_error *error);
/* Look at the organization's devices. `organization` is its record. */
enum nx_status nx_renumbering_plan_make(const struct nx_server *server, struct nx_tx *tx,
					const struct nx_value *organization, struct nx_renumbering_plan *plan,
					struct nx_error *error);
/* NX_CONFLICT, with its family and state: one of the organization has not ended. Any transaction. */
enum nx_status nx_renumbering_under_way(const struct nx_server *server, struct nx_tx *tx,
					const char *organization_id, struct nx_error *error);
void nx_renumbering_plan_write(const struct nx_renumbering_plan *plan, struct nx_buffer *out);
void nx_renumbering_plan_clean(struct nx_renumbering_plan *plan);

/* --- inside of it ---------------------------------------------------------------------------------- */

/* Something speaks against it. */
void nx_renumbering_problem(struct nx_renumbering_plan *plan, const char *text);
/* renumbering_trial.c: the devices' addresses. */
enum nx_status nx_renumbering_addresses(const struct nx_server *server, struct nx_tx *tx,
					const struct nx_value *organization, struct nx_renumbering_plan *plan,
					struct nx_error *error);

#endif
