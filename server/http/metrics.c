/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/http/http.h"
#include "server/ipam/strategies.h"
#include "server/store/store.h"
#include "server/stun/stun.h"

/* Upper bounds of the latency histogram, in microseconds, and as they are written in seconds. */
static const struct {
	uint64_t microseconds;
	const char *seconds;
} bounds[] = {
	{100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},	{2500, "0.0025"},
	{5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},	{100000, "0.1"},
	{250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {10000000, "10"},
};
#define BOUNDS NX_COUNT(bounds)

/* Of one route. */
struct counters {
	atomic_uint_fast64_t status[6];		 /* by the status' first digit */
	atomic_uint_fast64_t bucket[BOUNDS + 1]; /* the last: above all bounds */
	atomic_uint_fast64_t microseconds;
};

struct nx_metrics {
	const struct nx_route *routes;
	size_t count;
	struct counters route[]; /* one more than routes: unknown paths */
};

struct nx_metrics *nx_metrics_new(const struct nx_route *routes, size_t count)
{
	struct nx_metrics *metrics = nx_alloc(sizeof(*metrics) + (count + 1) * sizeof(metrics->route[0]));

	metrics->routes = routes;
	metrics->count = count;
	return metrics;
}

void nx_metrics_free(struct nx_metrics *metrics)
{
	free(metrics);
}

void nx_metrics_request(struct nx_metrics *metrics, const struct nx_route *route, unsigned status,
			uint64_t microseconds)
{
	size_t index = route ? (size_t)(route - metrics->routes) : metrics->count;
	struct counters *counters = &metrics->route[index];
	size_t bucket = 0;

	while (bucket < BOUNDS && microseconds > bounds[bucket].microseconds)
		bucket++;
	atomic_fetch_add_explicit(&counters->status[status / 100 % 6], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters->bucket[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters->microseconds, microseconds, memory_order_relaxed);
}

/* --- writing ------------------------------------------------------------------------- */

static void head_write(struct nx_buffer *out, const char *name, const char *type, const char *help)
{
	nx_buffer_printf(out, "# HELP nexodus_%s %s\n# TYPE nexodus_%s %s\n", name, help, name, type);
}

static void figure_write(struct nx_buffer *out, const char *name, const char *type, const char *help,
			 uint64_t value)
{
	head_write(out, name, type, help);
	nx_buffer_printf(out, "nexodus_%s %llu\n", name, (unsigned long long)value);
}

static uint64_t load(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static const char *method_of(const struct nx_metrics *metrics, size_t index)
{
	return index < metrics->count ? metrics->routes[index].method : "";
}

static const char *pattern_of(const struct nx_metrics *metrics, size_t index)
{
	return index < metrics->count ? metrics->routes[index].pattern : "";
}

static void requests_write(const struct nx_metrics *metrics, struct nx_buffer *out)
{
	head_write(out, "http_requests_total", "counter", "Requests answered.");
	for (size_t i = 0; i <= metrics->count; i++) {
		for (unsigned digit = 1; digit < 6; digit++) {
			uint64_t count = load(&metrics->route[i].status[digit]);
			if (count)
				nx_buffer_printf(out,
						 "nexodus_http_requests_total{method=\"%s\",route=\"%s\","
						 "status=\"%uxx\"} %llu\n",
						 method_of(metrics, i), pattern_of(metrics, i), digit,
						 (unsigned long long)count);
		}
	}
}

static void histogram_write(const struct nx_metrics *metrics, size_t index, struct nx_buffer *out)
{
	const struct counters *counters = &metrics->route[index];
	const char *method = method_of(metrics, index), *pattern = pattern_of(metrics, index);
	uint64_t total = 0;

	for (size_t i = 0; i <= BOUNDS; i++)
		total += load(&counters->bucket[i]);
	if (total == 0)
		return;
	uint64_t below = 0;
	for (size_t i = 0; i <= BOUNDS; i++) {
		below += load(&counters->bucket[i]);
		nx_buffer_printf(
			out,
			"nexodus_http_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%s\"} %llu\n",
			method, pattern, i < BOUNDS ? bounds[i].seconds : "+Inf", (unsigned long long)below);
	}
	nx_buffer_printf(out, "nexodus_http_request_seconds_sum{method=\"%s\",route=\"%s\"} %.6f\n", method,
			 pattern, (double)load(&counters->microseconds) / 1e6);
	nx_buffer_printf(out, "nexodus_http_request_seconds_count{method=\"%s\",route=\"%s\"} %llu\n", method,
			 pattern, (unsigned long long)below);
}

static void http_write(struct nx_http *http, struct nx_buffer *out)
{
	struct nx_http_figures figures;

	nx_http_figures(http, &figures);
	figure_write(out, "http_connections", "gauge", "Open connections, watchers not counted.",
		     figures.connections);
	figure_write(out, "http_watchers", "gauge", "Open event streams.", figures.watchers);
	figure_write(out, "http_requests_under_way", "gauge", "Requests not answered to the end yet.",
		     figures.requests);
	figure_write(out, "http_requests_queued", "gauge", "Requests that wait for a worker.",
		     figures.queued);
	figure_write(out, "http_connections_accepted_total", "counter", "Connections accepted.",
		     figures.accepted);
	figure_write(out, "http_connections_refused_total", "counter", "Connections refused for a limit.",
		     figures.refused);
	figure_write(out, "http_connections_evicted_total", "counter",
		     "Idle connections closed to make room.", figures.evicted);
}

static void store_write(struct nx_store *store, struct nx_buffer *out)
{
	struct nx_store_figures figures = {0};

	nx_store_figures(store, &figures);
	figure_write(out, "store_commits_total", "counter", "Transactions committed.", figures.commits);
	figure_write(out, "store_commands_total", "counter", "Commands that were run.", figures.commands);
	figure_write(out, "store_failures_total", "counter", "Commands that failed.", figures.failures);
	figure_write(out, "store_retries_total", "counter", "Commands that were run again.", figures.retries);
	figure_write(out, "store_reconnects_total", "counter", "Lost and regained connections.",
		     figures.reconnects);
	figure_write(out, "store_queued", "gauge", "Commands that wait for their commit.", figures.queued);
}

static void stun_write(const struct nx_stun_server *stun, struct nx_buffer *out)
{
	head_write(out, "stun_requests_total", "counter",
		   "Datagrams on the STUN ports, by what became of them.");
	for (enum nx_stun_result result = 0; result < NX_STUN_RESULTS; result++)
		nx_buffer_printf(out, "nexodus_stun_requests_total{result=\"%s\"} %llu\n",
				 nx_stun_result_name(result),
				 (unsigned long long)nx_stun_server_count(stun, result));
}

/* The second number of /proc/self/statm, in pages. */
static uint64_t resident_bytes(void)
{
	char text[128] = "";
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	bool is_read = fgets(text, sizeof(text), file) != NULL;
	fclose(file);
	const char *resident = is_read ? strchr(text, ' ') : NULL;
	return resident ? strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void nx_metrics_write(const struct nx_metrics *metrics, struct nx_server *server, struct nx_buffer *out)
{
	requests_write(metrics, out);
	head_write(out, "http_request_seconds", "histogram", "From a request's first line to its answer.");
	for (size_t i = 0; i <= metrics->count; i++)
		histogram_write(metrics, i, out);
	http_write(server->http, out);
	store_write(server->store, out);
	if (server->stun)
		stun_write(server->stun, out);
	if (server->strategies)
		nx_strategies_metrics_write(server->strategies, out);
	head_write(out, "build_info", "gauge", "The version that runs.");
	nx_buffer_printf(out, "nexodus_build_info{version=\"%s\"} 1\n", NEXODUS_VERSION);
	nx_buffer_printf(out,
			 "# HELP process_resident_memory_bytes Memory in use.\n"
			 "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %llu\n",
			 (unsigned long long)resident_bytes());
}
