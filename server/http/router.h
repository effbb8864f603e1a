/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the route of a request in the table. The path is taken apart at its
 * slashes first and decoded afterwards, so that an encoded slash is part of a
 * parameter and never of the pattern. Constant after nx_router_new(): any thread.
 */
#ifndef NX_SERVER_HTTP_ROUTER_H
#define NX_SERVER_HTTP_ROUTER_H

#include "server/http/route.h"

#define NX_SEGMENT_LIMIT 8
#define NX_PARAM_LIMIT 4

struct nx_router;

struct nx_params {
	struct {
		const char *name;
		size_t name_length;
		const char *value; /* decoded */
	} param[NX_PARAM_LIMIT];
	size_t count;
	/* The first parameter that is not what it must be (an id, text); NULL when all are. */
	const char *bad;
};

struct nx_match {
	const struct nx_route *route; /* NULL: none of that method */
	struct nx_params params;
	char allow[64]; /* methods of that path, as the header is written; "" for an unknown path */
};

struct nx_router *nx_router_new(const struct nx_route *routes, size_t count);
void nx_router_free(struct nx_router *router); /* NULL is fine */
/* `path` is without query, is written to, and must live as long as the parameters. */
void nx_router_find(const struct nx_router *router, const char *method, char *path, struct nx_match *out);
/* "" when there is none of that name. */
const char *nx_params_find(const struct nx_params *params, const char *name);

#endif
