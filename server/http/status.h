/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that tell about the server itself; for everybody, without a token. */
#ifndef NX_SERVER_HTTP_STATUS_H
#define NX_SERVER_HTTP_STATUS_H

#include "server/http/request.h"

void nx_live(struct nx_request *request);	  /* GET /live: the program runs */
void nx_ready(struct nx_request *request);	  /* GET /ready: it can do its work; 503 when not */
void nx_metrics_show(struct nx_request *request); /* GET /metrics */
void nx_openapi_show(struct nx_request *request); /* GET /api/openapi.json */

#endif
