/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation in memory, through the plugins as the server loads them: pools that are
 * empty, half full and nearly full, addresses in sequence and drawn by chance, and
 * what a lease costs in memory.
 *
 *   nexodus-bench-ipam PLUGIN-DIRECTORY      (it holds server/ipam-v4.so and ipam-v6.so)
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nexodus/ipam.h>

#include "base/address.h"
#include "base/config.h"
#include "base/loader.h"
#include "base/memory.h"
#include "base/secret.h"
#include "bench/bench.h"

#define SAMPLES 9
#define OPERATIONS 50000u

struct bench_case {
	const char *key; /* of the capability */
	const char *prefix;
	double filled;	 /* share of the capacity, or */
	uint64_t leases; /* a number of leases */
	bool scattered;	 /* drawn by chance, as strategies do, and not in sequence */
};

static const struct bench_case cases[] = {
	{"inet", "100.100.0.0/16", 0, 0, false},	{"inet", "100.100.0.0/16", 0.5, 0, false},
	{"inet", "100.100.0.0/16", 0.999, 0, false},	{"inet", "100.64.0.0/10", 0, 0, false},
	{"inet", "100.64.0.0/10", 0.5, 0, false},	{"inet", "100.64.0.0/10", 0.999, 0, false},
	{"inet", "100.64.0.0/10", 0, 0, true},		{"inet", "100.64.0.0/10", 0.5, 0, true},
	{"inet", "100.64.0.0/10", 0.999, 0, true},	{"inet6", "fd00:6e78::/64", 0, 0, false},
	{"inet6", "fd00:6e78::/64", 0, 1000000, false}, {"inet6", "fd00:6e78::/64", 0, 10000000, false},
	{"inet6", "fd00:6e78::/64", 0, 0, true},	{"inet6", "fd00:6e78::/64", 0, 1000000, true},
	{"inet6", "fd00:6e78::/64", 0, 10000000, true},
};

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

struct bench_pool {
	const struct nx_ipam_ops *ops;
	struct nx_pool *pool;
	struct nx_prefix prefix;
	bool scattered;
	uint64_t drawn; /* the state of what draws */
};

/* An address of the prefix, by chance (SplitMix64, from the same seed in each run). Its host part has no more
 * than 64 bits. */
static struct nx_address draw(struct bench_pool *bench)
{
	struct nx_address address = bench->prefix.address;
	unsigned host_bits = 8u * address.length - bench->prefix.bits;
	uint64_t number = bench->drawn += 0x9e3779b97f4a7c15u;

	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
	number = (number ^ number >> 27) * 0x94d049bb133111ebu;
	number ^= number >> 31;
	if (host_bits < 64)
		number &= (UINT64_C(1) << host_bits) - 1;
	for (unsigned i = address.length; number; number >>= 8)
		address.bytes[--i] |= (uint8_t)number;
	return address;
}

static struct nx_address lease(struct bench_pool *bench)
{
	struct nx_address from, address;
	struct nx_error error;

	if (!bench->scattered) {
		must(bench->ops->pool_allocate(bench->pool, &request, &address, &error), &error);
		return address;
	}
	from = draw(bench);
	must(bench->ops->pool_find(bench->pool, &from, &address, &error), &error);
	must(bench->ops->pool_take(bench->pool, &address, &error), &error);
	return address;
}

/* Allocate a few and give them back: the fill stays what it is. */
static double sample(struct bench_pool *bench, unsigned operations)
{
	static struct nx_address given[OPERATIONS];
	uint64_t start = bench_nanoseconds(), took;

	for (unsigned i = 0; i < operations; i++)
		given[i] = lease(bench);
	took = bench_nanoseconds() - start;
	for (unsigned i = 0; i < operations; i++)
		bench->ops->pool_give(bench->pool, &given[i]);
	return (double)took / operations;
}

static void case_run(const struct nx_capability *ipam, const struct bench_case *what)
{
	const struct nx_ipam_ops *ops = ipam->ops;
	struct bench_pool bench = {.ops = ops, .scattered = what->scattered};
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	struct nx_error error;
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, memory;
	uint64_t fill, room;
	double took[SAMPLES], median;
	unsigned operations;

	must(ops->prefix_check(ipam->provider->instance, what->prefix, &bench.prefix, &error), &error);
	must(ops->pool_open(ipam->provider->instance, &bench.prefix, &bench.pool, &error), &error);
	ops->pool_usage(bench.pool, &usage);
	fill = what->leases ? what->leases : (uint64_t)((double)usage.capacity * what->filled);
	if (!what->leases && what->filled == 0)
		fill = 0;
	for (uint64_t i = 0; i < fill; i++)
		lease(&bench);
	memory = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	room = usage.capacity - fill;
	operations = room < OPERATIONS ? (unsigned)room : OPERATIONS;
	for (unsigned i = 0; i < SAMPLES; i++)
		took[i] = sample(&bench, operations);
	median = bench_median(took, SAMPLES); /* in order from here on */
	printf("%-15s %-11s %9llu leases  median %6.1f ns  min %6.1f  max %6.1f   %9zu bytes", what->prefix,
	       what->scattered ? "scattered" : "in sequence", (unsigned long long)fill, median, took[0],
	       took[SAMPLES - 1], memory);
	if (fill)
		printf("  %.3f a lease", (double)memory / (double)fill);
	putchar('\n');
	ops->pool_close(bench.pool);
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
