/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation in memory, through the plugins as the server loads them: pools that are
 * empty, half full and nearly full, and what a lease costs in memory.
 *
 *   nexodus-bench-ipam PLUGIN-DIRECTORY      (it holds server/ipam-v4.so and ipam-v6.so)
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nexodus/ipam.h>

#include "base/address.h"
#include "base/config.h"
#include "base/loader.h"
#include "base/memory.h"
#include "base/secret.h"

#define SAMPLES 9
#define OPERATIONS 50000u

struct bench_case {
	const char *key; /* of the capability */
	const char *prefix;
	double filled;	 /* share of the capacity, or */
	uint64_t leases; /* a number of leases */
};

static const struct bench_case cases[] = {
	{"inet", "100.100.0.0/16", 0, 0},	  {"inet", "100.100.0.0/16", 0.5, 0},
	{"inet", "100.100.0.0/16", 0.999, 0},	  {"inet", "100.64.0.0/10", 0, 0},
	{"inet", "100.64.0.0/10", 0.5, 0},	  {"inet", "100.64.0.0/10", 0.999, 0},
	{"inet6", "fd00:6e78::/64", 0, 0},	  {"inet6", "fd00:6e78::/64", 0, 1000000},
	{"inet6", "fd00:6e78::/64", 0, 10000000},
};

static uint64_t nanoseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static const struct nx_lease_request request = {
	.size = sizeof(request),
	.organization_id = "00000000-0000-7000-8000-000000000000",
	.device_id = "00000000-0000-7000-8000-000000000001",
	.public_key = "",
	.hostname = "bench",
};

static void must(enum nx_status status, const struct nx_error *error)
{
	if (status == NX_OK)
		return;
	fprintf(stderr, "%s\n", error->message);
	exit(1);
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Allocate a few and give them back: the fill stays what it is. */
static double sample(const struct nx_ipam_ops *ops, struct nx_pool *pool, unsigned operations)
{
	static struct nx_address given[OPERATIONS];
	struct nx_error error;
	uint64_t start = nanoseconds(), took;

	for (unsigned i = 0; i < operations; i++)
		must(ops->pool_allocate(pool, &request, &given[i], &error), &error);
	took = nanoseconds() - start;
	for (unsigned i = 0; i < operations; i++)
		ops->pool_give(pool, &given[i]);
	return (double)took / operations;
}

static void case_run(const struct nx_capability *ipam, const struct bench_case *what)
{
	const struct nx_ipam_ops *ops = ipam->ops;
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	struct nx_error error;
	struct nx_prefix prefix;
	struct nx_address address;
	struct nx_pool *pool;
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, memory;
	uint64_t fill, room;
	double took[SAMPLES];
	unsigned operations;

	must(ops->prefix_check(ipam->provider->instance, what->prefix, &prefix, &error), &error);
	must(ops->pool_open(ipam->provider->instance, &prefix, &pool, &error), &error);
	ops->pool_usage(pool, &usage);
	fill = what->leases ? what->leases : (uint64_t)((double)usage.capacity * what->filled);
	if (!what->leases && what->filled == 0)
		fill = 0;
	for (uint64_t i = 0; i < fill; i++)
		must(ops->pool_allocate(pool, &request, &address, &error), &error);
	memory = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	room = usage.capacity - fill;
	operations = room < OPERATIONS ? (unsigned)room : OPERATIONS;
	for (unsigned i = 0; i < SAMPLES; i++)
		took[i] = sample(ops, pool, operations);
	qsort(took, SAMPLES, sizeof(*took), order);
	printf("%-18s %9llu leases  median %6.1f ns  min %6.1f  max %6.1f   %9zu bytes", what->prefix,
	       (unsigned long long)fill, took[SAMPLES / 2], took[0], took[SAMPLES - 1], memory);
	if (fill)
		printf("  %.3f a lease", (double)memory / (double)fill);
	putchar('\n');
	ops->pool_close(pool);
}

int main(int argc, char **argv)
{
	struct nx_config *config = nx_config_new("NEXODUS_BENCH");
	NX_AUTO_FREE char *directory = argc == 2 ? nx_printf("%s/server", argv[1]) : NULL;
	struct nx_plugins_request plugins_request = {
		.role = NX_ROLE_SERVER, .directory = directory, .names = "ipam-v4 ipam-v6", .config = config};
	struct nx_plugins *plugins = NULL;
	struct nx_error error;

	if (argc != 2) {
		fputs("usage: nexodus-bench-ipam PLUGIN-DIRECTORY\n", stderr);
		return 2;
	}
	nx_secret_setup();
	must(nx_plugins_open(&plugins_request, &plugins, &error), &error);
	must(nx_config_load(config, NULL, false, &error), &error);
	must(nx_plugins_load(plugins, &error), &error);
	for (size_t i = 0; i < NX_COUNT(cases); i++)
		case_run(nx_plugins_find(plugins, "ipam", cases[i].key), &cases[i]);
	nx_plugins_free(plugins);
	nx_config_free(config);
	return 0;
}
