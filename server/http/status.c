/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/status.h"

#include "server/http/http.h"
#include "server/http/metrics.h"
#include "server/http/openapi.h"
#include "server/ipam/strategies.h"
#include "server/store/store.h"

#define UP "{\"status\":\"UP\"}"
#define DOWN "{\"status\":\"DOWN\"}"
#define RETRY_SECONDS "2"

void nx_live(struct nx_request *request)
{
	nx_reply_text(request, 200, "application/json", UP);
}

/* A strategy that fails leaves all that it has no part in as it is: the server is up. With one that keeps
 * the writer, it is not. */
static void ready_tell(struct nx_request *request, const struct nx_server *server)
{
	struct nx_buffer degraded = {0}, body = {0};
	bool up = nx_strategies_degraded_write(server->strategies, &degraded);

	if (degraded.length)
		nx_buffer_printf(&body, "{\"status\":\"%s\",\"degraded\":%s}", up ? "UP" : "DOWN",
				 degraded.data);
	else
		nx_buffer_text(&body, UP);
	nx_buffer_free(&degraded);
	if (!up)
		nx_reply_header(request, "Retry-After", RETRY_SECONDS);
	nx_reply_json(request, up ? 200 : 503, &body);
}

void nx_ready(struct nx_request *request)
{
	struct nx_server *server = nx_request_server(request);

	if (!nx_http_draining(server->http) && nx_store_usable(server->store, NULL)) {
		ready_tell(request, server);
		return;
	}
	nx_reply_header(request, "Retry-After", RETRY_SECONDS);
	nx_reply_text(request, 503, "application/json", DOWN);
}

void nx_metrics_show(struct nx_request *request)
{
	struct nx_server *server = nx_request_server(request);
	struct nx_buffer text = {0};

	nx_metrics_write(server->metrics, server, &text);
	nx_reply_text(request, 200, "text/plain; version=0.0.4", text.data);
	nx_buffer_free(&text);
}

void nx_openapi_show(struct nx_request *request)
{
	nx_reply_text(request, 200, "application/json", nx_openapi);
}
