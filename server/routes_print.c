/* SPDX-License-Identifier: Apache-2.0 */
#include "server/routes_print.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "server/http/route.h"

static struct nx_json *access_json(unsigned access)
{
	struct nx_json *kinds = nx_json_array();

	if (access & NX_PRINCIPAL_USER)
		nx_json_add_string(kinds, "user");
	if (access & NX_PRINCIPAL_DEVICE)
		nx_json_add_string(kinds, "device");
	if (access & NX_PRINCIPAL_KEY)
		nx_json_add_string(kinds, "key");
	return kinds;
}

static struct nx_json *parameters_json(const struct nx_route *route)
{
	struct nx_json *parameters = nx_json_object();

	for (const char *at = strchr(route->pattern, '{'); at; at = strchr(at, '{')) {
		at++;
		NX_AUTO_FREE char *name = nx_printf("%.*s", (int)strcspn(at, "}"), at);
		bool is_text = route->text && strcmp(route->text, name) == 0;
		nx_json_put_string(parameters, name, is_text ? "text" : "uuid");
	}
	return parameters;
}

void nx_routes_print(FILE *out)
{
	NX_AUTO_JSON struct nx_json *list = nx_json_array();
	struct nx_buffer text NX_CLEANUP(nx_buffer_free) = {0};

	for (size_t i = 0; i < nx_route_count; i++) {
		struct nx_json *route = nx_json_object();
		nx_json_put_string(route, "method", nx_routes[i].method);
		nx_json_put_string(route, "path", nx_routes[i].pattern);
		nx_json_put(route, "access", access_json(nx_routes[i].access));
		nx_json_put_string(route, "rule", nx_routes[i].rule);
		nx_json_put(route, "parameters", parameters_json(&nx_routes[i]));
		nx_json_add(list, route);
	}
	nx_json_print_pretty(list, &text);
	fprintf(out, "%s\n", text.data);
}
