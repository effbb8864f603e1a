/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server counts, in the text format of Prometheus. Counting is a few
 * atomic additions, any thread; the rest is asked for when it is shown.
 */
#ifndef NX_SERVER_HTTP_METRICS_H
#define NX_SERVER_HTTP_METRICS_H

#include <stdint.h>

#include "base/buffer.h"
#include "server/http/route.h"
#include "server/server.h"

struct nx_metrics *nx_metrics_new(const struct nx_route *routes, size_t count);
void nx_metrics_free(struct nx_metrics *metrics); /* NULL is fine */
/* An answered request. `route` NULL: a path that nobody knows. */
void nx_metrics_request(struct nx_metrics *metrics, const struct nx_route *route, unsigned status,
			uint64_t microseconds);
void nx_metrics_write(const struct nx_metrics *metrics, struct nx_server *server, struct nx_buffer *out);

#endif
