/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/http/urlencoded.h"

/* A part of a path between slashes. */
struct segment {
	const char *text;
	size_t length;
};

struct segments {
	struct segment at[NX_SEGMENT_LIMIT];
	size_t count;
};

struct nx_router {
	const struct nx_route *routes;
	size_t count;
	struct segments pattern[]; /* of each route */
};

/* "/a/b" → "a", "b"; "/" has none. False for anything that no pattern can look like. */
static bool path_split(const char *path, struct segments *out)
{
	out->count = 0;
	if (*path != '/')
		return false;
	if (path[1] == '\0')
		return true;
	while (*path == '/') {
		size_t length = strcspn(++path, "/");
		if (length == 0 || out->count == NX_SEGMENT_LIMIT)
			return false;
		out->at[out->count++] = (struct segment){path, length};
		path += length;
	}
	return true;
}

static bool segment_is_param(const struct segment *pattern)
{
	return pattern->text[0] == '{';
}

static bool segment_equal(const struct segment *a, const struct segment *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool pattern_matches(const struct segments *pattern, const struct segments *path)
{
	if (pattern->count != path->count)
		return false;
	for (size_t i = 0; i < path->count; i++) {
		if (!segment_is_param(&pattern->at[i]) && !segment_equal(&pattern->at[i], &path->at[i]))
			return false;
	}
	return true;
}

struct nx_router *nx_router_new(const struct nx_route *routes, size_t count)
{
	struct nx_router *router = nx_alloc(sizeof(*router) + count * sizeof(router->pattern[0]));

	router->routes = routes;
	router->count = count;
	for (size_t i = 0; i < count; i++) {
		if (!path_split(routes[i].pattern, &router->pattern[i]))
			abort(); /* a mistake in the table */
	}
	return router;
}

void nx_router_free(struct nx_router *router)
{
	free(router);
}

static void allow_add(char *allow, size_t room, const char *method)
{
	size_t length = strlen(allow);
	const char *also = strcmp(method, "GET") == 0 ? ", HEAD" : "";

	snprintf(allow + length, room - length, "%s%s%s", length ? ", " : "", method, also);
}

static bool param_valid(const struct nx_route *route, const struct segment *name, const char *value)
{
	if (route->text && strlen(route->text) == name->length - 2 &&
	    memcmp(route->text, name->text + 1, name->length - 2) == 0)
		return value[0] != '\0';
	return nx_uuid_check(value);
}

/* The segments lie in a path of the caller's that may be written to. */
static void params_take(const struct nx_route *route, const struct segments *pattern,
			const struct segments *path, char *text, struct nx_params *out)
{
	const char *start = text;

	for (size_t i = 0; i < path->count; i++) {
		const struct segment *name = &pattern->at[i];
		if (!segment_is_param(name) || out->count == NX_PARAM_LIMIT)
			continue;
		char *value = text + (path->at[i].text - start);
		bool decoded = nx_percent_decode(value, path->at[i].length, false);
		if (!decoded)
			value[0] = '\0';
		if (!out->bad && !(decoded && param_valid(route, name, value)))
			out->bad = name->text;
		out->param[out->count].name = name->text + 1;
		out->param[out->count].name_length = name->length - 2;
		out->param[out->count++].value = value;
	}
}

void nx_router_find(const struct nx_router *router, const char *method, char *path, struct nx_match *out)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	struct segments segments;

	memset(out, 0, sizeof(*out));
	if (!path_split(path, &segments))
		return;
	for (size_t i = 0; i < router->count; i++) {
		const struct nx_route *route = &router->routes[i];
		if (!pattern_matches(&router->pattern[i], &segments))
			continue;
		if (strcmp(route->method, wanted) == 0) {
			out->route = route;
			params_take(route, &router->pattern[i], &segments, path, &out->params);
			return;
		}
		allow_add(out->allow, sizeof(out->allow), route->method);
	}
}

const char *nx_params_find(const struct nx_params *params, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < params->count; i++) {
		if (params->param[i].name_length == length &&
		    memcmp(params->param[i].name, name, length) == 0)
			return params->param[i].value;
	}
	return "";
}
