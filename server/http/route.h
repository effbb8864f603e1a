/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route table: every path the server answers, with who may ask. One table,
 * server/routes.c, from which dispatch, `405`/`Allow`, `--print-routes` (a JSON
 * array that the tests of the authorisation matrix are generated from) and
 * metrics labels come.
 */
#ifndef NX_SERVER_ROUTE_H
#define NX_SERVER_ROUTE_H

#include "server/http/request.h"

struct nx_route {
	const char *method;
	const char *pattern; /* "/api/organizations/{organization}/devices/{id}" */
	unsigned access;     /* kinds of principals that may ask, or'ed; 0: everybody, without a token */
	/* What a principal of the right kind needs besides, in words for the matrix: "own",
	 * "member", "owner", "administrator", "". The handler enforces it. */
	const char *rule;
	void (*handle)(struct nx_request *request);
	bool direct; /* cheap, never blocks, replies before it returns: on the HTTP thread */
	bool slow;   /* hashes a password: runs on workers apart, few at once */
	/* The {name} of the pattern that may be any text; all others are UUIDs. */
	const char *text;
};

extern const struct nx_route nx_routes[];
extern const size_t nx_route_count;

#endif
