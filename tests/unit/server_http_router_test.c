/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/http/router.h"
#include "tests/unit/unit.h"

#define ID "0190a0a0-1111-7000-8000-000000000001"
#define OTHER "0190a0a0-2222-7000-8000-000000000002"

/* Handlers tell the routes apart; they are never called. */
static void list(struct nx_request *request)
{
	(void)request;
}

static void make(struct nx_request *request)
{
	(void)request;
}

static void show(struct nx_request *request)
{
	(void)request;
}

static void leave(struct nx_request *request)
{
	(void)request;
}

static void root(struct nx_request *request)
{
	(void)request;
}

static const struct nx_route routes[] = {
	{.method = "GET", .pattern = "/", .handle = root},
	{.method = "GET", .pattern = "/api/things", .handle = list},
	{.method = "POST", .pattern = "/api/things", .handle = make},
	{.method = "GET", .pattern = "/api/things/{id}", .handle = show},
	{.method = "DELETE", .pattern = "/api/users/{id}/things/{thing}", .handle = leave, .text = "id"},
};

/* The path that was asked for last: parameters point into it. */
static char asked[512];

static struct nx_match find(const char *method, const char *path)
{
	struct nx_router *router = nx_router_new(routes, NX_COUNT(routes));
	struct nx_match match;

	CU_ASSERT_FATAL(strlen(path) < sizeof(asked));
	strcpy(asked, path);
	nx_router_find(router, method, asked, &match);
	nx_router_free(router);
	return match;
}

static void test_routes(void)
{
	CU_ASSERT_PTR_EQUAL(find("GET", "/").route, &routes[0]);
	CU_ASSERT_PTR_EQUAL(find("GET", "/api/things").route, &routes[1]);
	CU_ASSERT_PTR_EQUAL(find("HEAD", "/api/things").route, &routes[1]);
	CU_ASSERT_PTR_EQUAL(find("POST", "/api/things").route, &routes[2]);
	CU_ASSERT_PTR_EQUAL(find("GET", "/api/things/" ID).route, &routes[3]);
}

static void test_unknown_paths(void)
{
	static const char *const paths[] = {"",
					    "api/things",
					    "/api",
					    "/api/",
					    "/api/things/",
					    "/api//things",
					    "//",
					    "/API/things",
					    "/api/thing",
					    "/api/thingsx",
					    "/api/%74hings",
					    "*",
					    "/api/things/" ID "/more",
					    "/api/things/" ID "/",
					    "/1/2/3/4/5/6/7/8/9/10/11"};

	for (size_t i = 0; i < NX_COUNT(paths); i++) {
		struct nx_match match = find("GET", paths[i]);
		UNIT_ASSERT_ROW(match.route == NULL, paths[i]);
		UNIT_ASSERT_ROW(match.allow[0] == '\0', paths[i]);
	}
}

static void test_unknown_methods(void)
{
	struct nx_match match = find("PUT", "/api/things");

	CU_ASSERT_PTR_NULL(match.route);
	CU_ASSERT_STRING_EQUAL(match.allow, "GET, HEAD, POST");
	CU_ASSERT_STRING_EQUAL(find("get", "/api/things").allow, "GET, HEAD, POST");
	CU_ASSERT_STRING_EQUAL(find("GET", "/api/users/me/things/" ID).allow, "DELETE");
}

static void test_parameters(void)
{
	struct nx_match match = find("DELETE", "/api/users/a%2Fb+c%20%C3%A9/things/" OTHER);

	CU_ASSERT_PTR_EQUAL(match.route, &routes[4]);
	CU_ASSERT_PTR_NULL(match.params.bad);
	CU_ASSERT_STRING_EQUAL(nx_params_find(&match.params, "id"), "a/b+c \xc3\xa9");
	CU_ASSERT_STRING_EQUAL(nx_params_find(&match.params, "thing"), OTHER);
	CU_ASSERT_STRING_EQUAL(nx_params_find(&match.params, "th"), "");
	CU_ASSERT_STRING_EQUAL(nx_params_find(&match.params, "nothing"), "");
}

static void test_bad_parameters(void)
{
	static const char *const ids[] = {
		"x", "1", ID "0", "0190a0a0-1111-7000-8000-00000000000g", "%00", "%", "%zz", "..", ID "%00"};

	for (size_t i = 0; i < NX_COUNT(ids); i++) {
		NX_AUTO_FREE char *path = nx_printf("/api/things/%s", ids[i]);
		struct nx_match match = find("GET", path);
		UNIT_ASSERT_ROW(match.route == &routes[3], ids[i]);
		UNIT_ASSERT_ROW(match.params.bad != NULL, ids[i]);
	}
	struct nx_match match = find("DELETE", "/api/users/%ff/things/" ID);
	CU_ASSERT_PTR_NOT_NULL_FATAL(match.params.bad);
	CU_ASSERT_EQUAL(strncmp(match.params.bad, "{id}", 4), 0);
	match = find("DELETE", "/api/users/me/things/me");
	CU_ASSERT_PTR_NOT_NULL_FATAL(match.params.bad);
	CU_ASSERT_EQUAL(strncmp(match.params.bad, "{thing}", 7), 0);
}

/* Whatever a client sends as a path is found or not found, and nothing else. */
static void test_garbage(void)
{
	static const char alphabet[] = "/%apithngs{}.0123ffu-\x01\xff";

	for (int i = 0; i < 200000; i++) {
		char path[64];
		size_t length = unit_random() % (sizeof(path) - 1);
		for (size_t at = 0; at < length; at++)
			path[at] = alphabet[unit_random() % (sizeof(alphabet) - 1)];
		path[length] = '\0';
		struct nx_match match = find("GET", path);
		CU_ASSERT_FATAL(match.params.count <= NX_PARAM_LIMIT);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"routes are found by method and path", test_routes},
		{"unknown paths", test_unknown_paths},
		{"unknown methods get what is allowed", test_unknown_methods},
		{"parameters are decoded after the path is taken apart", test_parameters},
		{"parameters that are no id, or no text", test_bad_parameters},
		{"garbage", test_garbage},
		CU_TEST_INFO_NULL,
	};

	return unit_run("server_http_router", tests);
}
