/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: which servers work with which components of the schema, as long as they live. A server
 * claims each one that it relies on, together with others; who takes one away, or brings one, claims
 * it alone. The database's own locks carry them, so that no claim outlives its process.
 */
#ifndef NX_SERVER_STORE_CLAIM_H
#define NX_SERVER_STORE_CLAIM_H

#include "server/store/backend.h"

struct nx_claim_list {
	char **names;
	size_t count;
};

void nx_claim_list_add(struct nx_claim_list *claims, const char *name);
void nx_claim_list_free(struct nx_claim_list *claims); /* leaves it empty */
/* Take all of them on a connection, together with others. */
enum nx_outcome nx_claim_list_take(const struct nx_claim_list *claims, struct nx_connection *connection,
				   const char *database, struct nx_error *error);
/* The same on a new connection in place of one that was lost. NX_SQL_WRONG when a component has been
 * taken away meanwhile: what this server would write has no place any more. */
enum nx_outcome nx_claim_list_renew(const struct nx_claim_list *claims, struct nx_connection *connection,
				    const char *database, struct nx_error *error);

#endif
