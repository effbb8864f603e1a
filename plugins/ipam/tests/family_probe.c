/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives a family's agent half against the real kernel. Usage: ipam-family-probe PLUGIN.so INTERFACE, with
 *commands on standard input, one a line; what they answer goes to standard output. One process keeps one
 *instance, as nexd does.
 *
 *	supported                          "yes" or the reason
 *	address ADDRESS PREFIX | noaddress
 *	addresses ADDRESS PREFIX SECOND-ADDRESS SECOND-PREFIX
 *	add SOURCE PREFIX… | remove PREFIX…
 *	observe                            the routes, sorted as the kernel gives them
 *	bulk-add COUNT | bulk-remove COUNT 10.x.y.z/32 or fd0b::x/128, with how long it took on standard error
 *	source ADDRESS
 */
#include <dlfcn.h>
#include <net/if.h>
#include <nexodus/family.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/tests/fake_address.h"
#include "plugins/ipam/tests/fake_agent.h"

enum { WORDS = 16 };

struct probe {
	const struct nx_family_ops *ops;
	void *instance;
	int index;
	char *words[WORDS + 1]; /* of the command, NULL at the end */
};

static const struct nx_address_services *const address = &fake_address_services;

static void answer(enum nx_status status, const struct nx_error *error)
{
	if (status == NX_OK)
		puts("ok");
	else
		printf("%s: %s\n", status == NX_UNSUPPORTED ? "unsupported" : "failed", error->message);
}

static void do_supported(struct probe *probe)
{
	char reason[160];

	puts(probe->ops->supported(probe->instance, reason) ? "yes" : reason);
}

static void do_address(struct probe *probe)
{
	struct nx_member_family self = {.present = true};
	struct nx_error error = {0};

	self.address = fake_address(probe->words[1]);
	self.organization = fake_prefix(probe->words[2]);
	answer(probe->ops->address_apply(probe->instance, probe->index, &self, &error), &error);
}

static struct nx_member_family facts_of(const struct probe *probe, size_t word)
{
	return (struct nx_member_family){
		.present = true,
		.address = fake_address(probe->words[word]),
		.organization = fake_prefix(probe->words[word + 1]),
	};
}

static void do_addresses(struct probe *probe)
{
	const struct nx_member_family first = facts_of(probe, 1), second = facts_of(probe, 3);
	struct nx_error error = {0};

	answer(probe->ops->addresses_apply(probe->instance, probe->index, &first, &second, &error), &error);
}

static void do_no_address(struct probe *probe)
{
	const struct nx_member_family none = {0};
	struct nx_error error = {0};

	answer(probe->ops->address_apply(probe->instance, probe->index, &none, &error), &error);
}

/* The prefixes from word `first` on. */
static size_t prefixes_of(const struct probe *probe, size_t first, struct nx_prefix out[static WORDS])
{
	size_t count = 0;

	for (size_t i = first; probe->words[i]; i++)
		out[count++] = fake_prefix(probe->words[i]);
	return count;
}

static void do_add(struct probe *probe)
{
	struct nx_prefix prefixes[WORDS];
	struct nx_address source = fake_address(probe->words[1]);
	struct nx_error error = {0};

	answer(probe->ops->routes_apply(probe->instance, probe->index, &source, prefixes,
					prefixes_of(probe, 2, prefixes), NULL, 0, &error),
	       &error);
}

static void do_remove(struct probe *probe)
{
	const struct nx_address none = {0};
	struct nx_prefix prefixes[WORDS];
	struct nx_error error = {0};

	answer(probe->ops->routes_apply(probe->instance, probe->index, &none, NULL, 0, prefixes,
					prefixes_of(probe, 1, prefixes), &error),
	       &error);
}

static void route_print(void *context, const struct nx_prefix *prefix)
{
	char text[NX_ADDRESS_TEXT];

	(void)context;
	printf("%s ", address->prefix_format(prefix, text));
}

static void do_observe(struct probe *probe)
{
	struct nx_error error = {0};

	answer(probe->ops->routes_observe(probe->instance, probe->index, route_print, NULL, &error), &error);
}

static void bulk(struct probe *probe, bool add)
{
	size_t count = strtoul(probe->words[1], NULL, 10);
	struct nx_prefix *prefixes = calloc(count, sizeof(*prefixes));
	const struct nx_address none = {0};
	struct nx_error error = {0};
	uint8_t length = probe->ops->address_length;

	if (!prefixes)
		abort();
	for (size_t i = 0; i < count; i++) {
		prefixes[i] = fake_prefix(length == 4 ? "10.0.0.0/32" : "fd0b::/128");
		prefixes[i].address.bytes[length - 3] = (uint8_t)(i >> 16);
		prefixes[i].address.bytes[length - 2] = (uint8_t)(i >> 8);
		prefixes[i].address.bytes[length - 1] = (uint8_t)i;
	}
	uint64_t begin = fake_services.clock_nanoseconds();
	answer(probe->ops->routes_apply(probe->instance, probe->index, &none, prefixes, add ? count : 0,
					prefixes, add ? 0 : count, &error),
	       &error);
	fprintf(stderr, "%s %zu routes: %llu ms\n", probe->words[0], count,
		(unsigned long long)(fake_services.clock_nanoseconds() - begin) / 1000000);
	free(prefixes);
}

static void do_bulk_add(struct probe *probe)
{
	bulk(probe, true);
}

static void do_bulk_remove(struct probe *probe)
{
	bulk(probe, false);
}

static void do_source(struct probe *probe)
{
	struct nx_address remote = fake_address(probe->words[1]), source;
	char text[NX_ADDRESS_TEXT];

	puts(probe->ops->source_address(probe->instance, &remote, &source)
		     ? address->address_format(&source, text)
		     : "none");
}

static const struct {
	const char *name;
	size_t words; /* at least so many after it */
	void (*run)(struct probe *probe);
} commands[] = {
	{"supported", 0, do_supported},	 {"address", 2, do_address},
	{"noaddress", 0, do_no_address}, {"add", 2, do_add},
	{"remove", 1, do_remove},	 {"observe", 0, do_observe},
	{"bulk-add", 1, do_bulk_add},	 {"bulk-remove", 1, do_bulk_remove},
	{"source", 1, do_source},	 {"addresses", 4, do_addresses},
};

static void command_run(struct probe *probe, char *line)
{
	char *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS;
	     word = strtok_r(NULL, " \n", &rest))
		probe->words[count++] = word;
	probe->words[count] = NULL;
	for (size_t i = 0; count && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, probe->words[0]) == 0 && count > commands[i].words) {
			commands[i].run(probe);
			fflush(stdout);
			return;
		}
	}
	fprintf(stderr, "no such command, or too few words\n");
	exit(2);
}

int main(int argument_count, char **arguments)
{
	static struct nx_host host = {.state_directory = "/nonexistent"};
	struct probe probe = {0};
	char line[1024];

	if (argument_count != 3)
		return 2;
	host.interface = arguments[2];
	probe.index = (int)if_nametoindex(arguments[2]);
	void *module = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
	const struct nx_plugin *(*entry)(void) = NULL;
	if (module)
		*(void **)&entry = dlsym(module, NX_PLUGIN_ENTRY);
	if (!entry) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	probe.ops = ((const struct nx_provide *)entry()->provides.rows)->ops;
	if (entry()->load(&host, fake_services_of_agent(), &probe.instance, NULL) != NX_OK)
		return 2;
	while (fgets(line, sizeof(line), stdin))
		command_run(&probe, line);
	entry()->unload(probe.instance);
	dlclose(module);
	return 0;
}
