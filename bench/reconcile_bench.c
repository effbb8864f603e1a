/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's reconcile on this kernel's tunnel, beside `wg setconf` and `ip -batch` doing the same
 * work: the first configuration of many dual-stack peers, and the change of one of them. In a
 * network namespace of its own, so as root.
 *
 *   nexodus-bench-reconcile PLUGIN-DIRECTORY      (it holds agent/…so)
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/capabilities.h"
#include "agent/network/reconcile.h"
#include "agent/program.h"
#include "agent/services.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "bench/bench.h"

#define OURS "nx0"
#define THEIRS "wg0"
#define DIRECTORY "/run/bench"

enum {
	FIRST_RUNS = 5,
	CHANGE_RUNS = 101,
};

static const unsigned sizes[] = {100, 1000, 10000};

struct host {
	uv_loop_t loop;
	struct nx_services_base services;
	struct nx_config *config;
	struct nx_plugins *plugins;
	struct nx_capabilities capabilities;
	struct nx_members members;
	struct nx_reconcile reconcile;
	struct nx_interface_request request;
	unsigned peers;
	unsigned variant; /* of the device that changes, as the tools have it */
};

static void must(enum nx_status status, const struct nx_error *error)
{
	if (status == NX_OK)
		return;
	fprintf(stderr, "nexodus-bench-reconcile: %s\n", error->message);
	exit(EXIT_FAILURE);
}

/* --- devices -------------------------------------------------------------------------------- */

static void key_text(unsigned number, char *text, size_t room)
{
	unsigned char key[32] = {0};

	/* Any canonical point will do: nobody is to be reached. */
	memcpy(key, &number, sizeof(number));
	key[20] = 1;
	sodium_bin2base64(text, room, key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
}

static struct nx_record *record_make(const struct host *host, unsigned number, unsigned variant)
{
	char key[64];
	NX_AUTO_JSON struct nx_json *device = NULL;
	NX_AUTO_FREE char *text = NULL;
	struct nx_record *record = NULL;
	struct nx_error error = {0};

	key_text(number, key, sizeof(key));
	text = nx_printf("{\"id\":\"00000000-0000-7000-8000-%012x\",\"public_key\":\"%s\",\"driver\":\"%s\","
			 "\"hostname\":\"host%u\",\"revision\":%u,\"tunnel_ip\":\"100.100.%u.%u\","
			 "\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip_v6\":\"fd00:6e78::%x:%x\","
			 "\"organization_prefix_v6\":\"fd00:6e78::/64\",\"local_ip\":\"192.0.2.%u:51820\","
			 "\"ipv6_supported\":true}",
			 number, key, host->capabilities.driver_name, number, number + 1, number >> 8,
			 number & 255, variant, number, number % 250 + 2);
	must(nx_json_parse(text, strlen(text), &device, &error), &error);
	must(nx_record_read(&host->capabilities, device, &record, &error), &error);
	return record;
}

static void device_set(struct host *host, unsigned number, unsigned variant)
{
	struct nx_entry *entry;
	struct nx_error error = {0};
	unsigned effect;

	must(nx_members_put(&host->members, record_make(host, number, variant), &entry, &effect, &error),
	     &error);
	nx_reconcile_mark(&host->reconcile, entry, effect);
}

/* --- ours ------------------------------------------------------------------------------------- */

static void ours_begin(struct host *host)
{
	struct nx_error error = {0};

	nx_members_init(&host->members, &host->capabilities);
	nx_reconcile_init(&host->reconcile, &host->capabilities, &host->members, &host->request);
	must(nx_reconcile_start(&host->reconcile, &error), &error);
	nx_reconcile_set_self(&host->reconcile, record_make(host, 1, 0));
	must(nx_reconcile_apply(&host->reconcile, &error), &error);
	for (unsigned i = 2; i < host->peers + 2; i++)
		device_set(host, i, 0);
}

static void ours_end(struct host *host)
{
	nx_reconcile_down(&host->reconcile);
	nx_reconcile_release(&host->reconcile);
	nx_members_clear(&host->members);
}

static double ours_apply(struct host *host)
{
	struct nx_error error = {0};
	uint64_t before = bench_nanoseconds();

	must(nx_reconcile_apply(&host->reconcile, &error), &error);
	return (double)(bench_nanoseconds() - before) / 1e3;
}

static double ours_first(struct host *host)
{
	double time;

	ours_begin(host);
	time = ours_apply(host);
	ours_end(host);
	return time;
}

static double ours_change(struct host *host)
{
	static unsigned variant;

	device_set(host, host->peers / 2 + 2, ++variant);
	return ours_apply(host);
}

/* --- theirs ------------------------------------------------------------------------------------- */

static void command(const char *first, const char *second, const char *third, const char *fourth)
{
	const char *const arguments[] = {first, second, third, fourth, NULL};
	struct nx_error error = {0};

	must(nx_program_run(arguments, NULL, NULL, 0, &error), &error);
}

static void shell(const char *line)
{
	command("sh", "-c", line, NULL);
}

static void theirs_begin(struct host *host)
{
	FILE *configuration = fopen(DIRECTORY "/conf", "we"), *batch = fopen(DIRECTORY "/batch", "we");
	char key[64];

	shell("ip link add " THEIRS " type wireguard 2>/dev/null || wireguard-go " THEIRS " >/dev/null 2>&1");
	shell("wg genkey >" DIRECTORY "/key && ip link set " THEIRS
	      " up && ip address add 100.100.0.1/32 dev " THEIRS
	      " && ip address add fd00:6e78::1/64 dev " THEIRS " nodad");
	fprintf(configuration, "[Interface]\nListenPort = 51999\nPrivateKey = "
			       "OEhRckCFTzbAx91aqOVCoQzqKSyF6qZO6i4SVVvtS2s=\n");
	for (unsigned i = 2; i < host->peers + 2; i++) {
		key_text(i, key, sizeof(key));
		fprintf(configuration,
			"[Peer]\nPublicKey = %s\nAllowedIPs = 100.100.%u.%u/32, fd00:6e78::0:%x/128\n"
			"Endpoint = 192.0.2.%u:51820\n",
			key, i >> 8, i & 255, i, i % 250 + 2);
		fprintf(batch,
			"route add 100.100.%u.%u/32 dev " THEIRS "\nroute add fd00:6e78::0:%x/128 dev " THEIRS
			"\n",
			i >> 8, i & 255, i);
	}
	fclose(configuration);
	fclose(batch);
	host->variant = 0;
}

/* A wireguard-go that is ending still has its socket. */
static void theirs_end(void)
{
	shell("ip link del " THEIRS "; n=200; while [ -e /run/wireguard/" THEIRS
	      ".sock ] && [ $n -gt 0 ]; do n=$((n - 1)); sleep 0.05; done");
}

static double theirs_apply(void)
{
	uint64_t before = bench_nanoseconds();

	command("wg", "setconf", THEIRS, DIRECTORY "/conf");
	command("ip", "-batch", DIRECTORY "/batch", NULL);
	return (double)(bench_nanoseconds() - before) / 1e3;
}

static double theirs_first(struct host *host)
{
	double time;

	theirs_begin(host);
	time = theirs_apply();
	theirs_end();
	return time;
}

static double theirs_change(struct host *host)
{
	unsigned number = host->peers / 2 + 2;
	char key[64], prefixes[96];
	NX_AUTO_FREE char *batch = NULL;
	uint64_t before;

	key_text(number, key, sizeof(key));
	batch = nx_printf("route del fd00:6e78::%x:%x/128 dev " THEIRS
			  "\nroute add fd00:6e78::%x:%x/128 dev " THEIRS "\n",
			  host->variant, number, host->variant + 1, number);
	host->variant++;
	snprintf(prefixes, sizeof(prefixes), "100.100.%u.%u/32,fd00:6e78::%x:%x/128", number >> 8,
		 number & 255, host->variant, number);
	const char *const set[] = {"wg", "set", THEIRS, "peer", key, "allowed-ips", prefixes, NULL};
	const char *const routes[] = {"ip", "-batch", "-", NULL};
	struct nx_error error = {0};

	before = bench_nanoseconds();
	must(nx_program_run(set, NULL, NULL, 0, &error), &error);
	must(nx_program_run(routes, batch, NULL, 0, &error), &error);
	return (double)(bench_nanoseconds() - before) / 1e3;
}

/* --- all of it ------------------------------------------------------------------------------------ */

static void namespaces_enter(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0) {
		fprintf(stderr, "nexodus-bench-reconcile: a network namespace cannot be made: %s\n",
			strerror(errno));
		exit(EXIT_FAILURE);
	}
	command("mkdir", "-m", "700", DIRECTORY);
	shell("ip link set lo up && ip address add 192.0.2.1/24 dev lo scope global");
}

static void host_begin(struct host *host, const char *plugin_directory)
{
	NX_AUTO_FREE char *directory = nx_printf("%s/agent", plugin_directory);
	static const struct nx_table no_keys;
	struct nx_error error = {0};
	struct nx_plugins_request plugins = {.role = NX_ROLE_AGENT,
					     .directory = directory,
					     .names = "*",
					     .agent = &nx_agent_services,
					     .program = &host->services};

	uv_loop_init(&host->loop);
	host->services = (struct nx_services_base){
		.loop = &host->loop, .state_directory = DIRECTORY, .interface_name = OURS};
	host->request = (struct nx_interface_request){
		.size = sizeof(host->request), .name = OURS, .state_directory = DIRECTORY};
	/* Nobody is there to shake hands with, and trying ten thousand times is not what is measured. */
	setenv("NEXD_RELAY_KEEPALIVE", "0", 1);
	host->config = plugins.config = nx_config_new("NEXD");
	must(nx_config_declare(host->config, "nexd", &no_keys, &error), &error);
	must(nx_plugins_open(&plugins, &host->plugins, &error), &error);
	must(nx_config_load(host->config, NULL, false, &error), &error);
	must(nx_plugins_load(host->plugins, &error), &error);
	must(nx_plugins_start(host->plugins, &error), &error);
	must(nx_capabilities_gather(host->plugins, "", &host->capabilities, &error), &error);
	nx_capabilities_poll(&host->capabilities);
}

static void host_end(struct host *host)
{
	nx_plugins_stop(host->plugins);
	nx_plugins_free(host->plugins);
	nx_config_free(host->config);
	nx_capabilities_release(&host->capabilities);
	nx_services_release(&host->services);
	uv_loop_close(&host->loop);
}

static double processor_microseconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void rows_print(unsigned peers, const char *what, double theirs, double ours)
{
	char row[80];

	snprintf(row, sizeof(row), "%u peers, %s: wg, ip", peers, what);
	bench_print(row, theirs, "us", 0);
	snprintf(row, sizeof(row), "%u peers, %s: reconcile", peers, what);
	bench_print(row, ours, "us", theirs);
}

static void first_measure(struct host *host)
{
	double theirs[FIRST_RUNS], ours[FIRST_RUNS];

	for (size_t i = 0; i < FIRST_RUNS; i++) {
		theirs[i] = theirs_first(host);
		ours[i] = ours_first(host);
	}
	rows_print(host->peers, "first configuration", bench_median(theirs, FIRST_RUNS),
		   bench_median(ours, FIRST_RUNS));
}

/* Both tunnels stand side by side. */
static void change_measure(struct host *host)
{
	double theirs[CHANGE_RUNS], ours[CHANGE_RUNS], processor = 0;
	char row[80];

	theirs_begin(host);
	theirs_apply();
	ours_begin(host);
	ours_apply(host);
	for (size_t i = 0; i < CHANGE_RUNS; i++) {
		double before;

		theirs[i] = theirs_change(host);
		before = processor_microseconds();
		ours[i] = ours_change(host);
		processor += processor_microseconds() - before;
	}
	rows_print(host->peers, "one changes", bench_median(theirs, CHANGE_RUNS),
		   bench_median(ours, CHANGE_RUNS));
	snprintf(row, sizeof(row), "%u peers, one changes: the agent's processor time", host->peers);
	bench_print(row, processor / CHANGE_RUNS, "us", 0);
	ours_end(host);
	theirs_end();
}

int main(int count, char **arguments)
{
	struct host host = {0};

	if (count != 2) {
		fprintf(stderr, "usage: %s PLUGIN-DIRECTORY\n", arguments[0]);
		return 2;
	}
	nx_secret_setup();
	nx_log_setup("nexodus-bench-reconcile", NX_LOG_ERROR, NX_LOG_AUTO);
	signal(SIGPIPE, SIG_IGN);
	namespaces_enter();
	host_begin(&host, arguments[1]);
	bench_heading("reconcile",
		      "dual-stack peers, no keepalive; medians of %d first configurations and %d changes, in "
		      "turn with "
		      "the tools",
		      FIRST_RUNS, CHANGE_RUNS);
	for (size_t i = 0; i < NX_COUNT(sizes); i++) {
		host.peers = sizes[i];
		first_measure(&host);
		change_measure(&host);
	}
	host_end(&host);
	return EXIT_SUCCESS;
}
