/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the agent half as an agent would, from lines on standard input; each start
 * is an agent's start. Ends at the first failure with its message and status 1.
 *
 *	driver_probe PLUGIN STATE-DIRECTORY INTERFACE [BACKEND [PROGRAM]]
 *
 *	key                                          this host's public key
 *	up [PORT [MTU]]
 *	set KEY ENDPOINT|keep KEEPALIVE PREFIX,…|none  note a change
 *	remove KEY                                   note a change
 *	crowd COUNT [PREFIXES]                       note COUNT new peers
 *	sh WORD…                                     have a shell do this meanwhile
 *	apply                                        apply the changes noted
 *	peers, status, stands, down
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <nexodus/driver.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "fake_host.h"

#define CHANGES 16384
#define WORDS 15

struct probe {
	const struct nx_driver_ops *driver;
	void *instance;
	const char *state_directory;
	const char *interface;
	struct nx_peer_change changes[CHANGES];
	char *keys[CHANGES]; /* what the changes point to */
	struct nx_prefix *prefixes[CHANGES];
	size_t change_count;
};

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(2);
}

static enum nx_status do_key(struct probe *probe, char **words, struct nx_error *error)
{
	char text[NX_PUBLIC_KEY_TEXT];
	enum nx_status status =
		probe->driver->public_key(probe->instance, probe->state_directory, text, error);

	(void)words;
	if (!status)
		printf("%s\n", text);
	return status;
}

static enum nx_status do_up(struct probe *probe, char **words, struct nx_error *error)
{
	const struct nx_interface_request request = {
		.size = sizeof(request),
		.name = probe->interface,
		.state_directory = probe->state_directory,
		.listen_port = (uint16_t)(words[1] ? strtoul(words[1], NULL, 10) : 0),
		.mtu = (uint32_t)(words[1] && words[2] ? strtoul(words[2], NULL, 10) : 0),
	};
	struct nx_interface interface = {.size = sizeof(interface)};
	enum nx_status status = probe->driver->interface_up(probe->instance, &request, &interface, error);

	if (!status)
		printf("index=%d port=%u mtu=%u adopted=%s backend=%s\n", interface.index,
		       interface.listen_port, interface.mtu, interface.adopted ? "yes" : "no",
		       interface.backend);
	return status;
}

static struct nx_prefix *prefixes_read(char *text, size_t *count)
{
	struct nx_prefix *prefixes = NULL;
	char *rest;

	*count = 0;
	if (!strcmp(text, "none"))
		return NULL;
	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		prefixes = nx_realloc_array(prefixes, *count + 1, sizeof(*prefixes));
		if (!nx_prefix_parse(word, &prefixes[(*count)++]))
			die("a prefix is wrong");
	}
	return prefixes;
}

static struct nx_peer_change *change_note(struct probe *probe, enum nx_peer_action action, const char *key)
{
	size_t i = probe->change_count++;

	if (i == CHANGES)
		die("too many changes");
	probe->keys[i] = nx_strdup(key);
	probe->changes[i].action = action;
	probe->changes[i].peer.public_key = probe->keys[i];
	return &probe->changes[i];
}

static enum nx_status do_set(struct probe *probe, char **words, struct nx_error *error)
{
	struct nx_peer_change *change;

	(void)error;
	if (!words[1] || !words[2] || !words[3] || !words[4])
		die("set KEY ENDPOINT|keep KEEPALIVE PREFIX,…|none");
	change = change_note(probe, NX_PEER_SET, words[1]);
	change->set_endpoint = strcmp(words[2], "keep") != 0;
	if (change->set_endpoint && !nx_endpoint_parse(words[2], &change->peer.endpoint))
		die("the endpoint is wrong");
	change->peer.keepalive_seconds = (uint16_t)strtoul(words[3], NULL, 10);
	change->peer.prefixes = probe->prefixes[probe->change_count - 1] =
		prefixes_read(words[4], &change->peer.prefix_count);
	return NX_OK;
}

static enum nx_status do_remove(struct probe *probe, char **words, struct nx_error *error)
{
	(void)error;
	if (!words[1])
		die("remove KEY");
	change_note(probe, NX_PEER_REMOVE, words[1]);
	return NX_OK;
}

/* A public key out of a number; none of them is a low-order point. */
static void crowd_key(size_t number, char text[static NX_PUBLIC_KEY_TEXT])
{
	uint8_t bytes[32] = {9, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};

	sodium_bin2base64(text, NX_PUBLIC_KEY_TEXT, bytes, sizeof(bytes), sodium_base64_VARIANT_ORIGINAL);
}

static enum nx_status do_crowd(struct probe *probe, char **words, struct nx_error *error)
{
	const size_t count = words[1] ? strtoul(words[1], NULL, 10) : 0;
	const size_t each = words[1] && words[2] ? strtoul(words[2], NULL, 10) : 1;

	(void)error;
	for (size_t i = 0; i < count; i++) {
		char key[NX_PUBLIC_KEY_TEXT];
		struct nx_prefix *prefixes = nx_alloc_array(each, sizeof(*prefixes));
		struct nx_peer_change *change;

		crowd_key(i, key);
		change = change_note(probe, NX_PEER_SET, key);
		for (size_t k = 0; k < each; k++)
			prefixes[k] = (struct nx_prefix){
				{16, {0xfd, 1, (uint8_t)(i >> 8), (uint8_t)i, (uint8_t)(k >> 8), (uint8_t)k}},
				128,
			};
		probe->prefixes[probe->change_count - 1] = prefixes;
		change->peer.prefixes = prefixes;
		change->peer.prefix_count = each;
	}
	return NX_OK;
}

static enum nx_status do_sh(struct probe *probe, char **words, struct nx_error *error)
{
	char command[512] = "";

	(void)probe;
	for (size_t i = 1; words[i]; i++)
		snprintf(command + strlen(command), sizeof(command) - strlen(command), "%s ", words[i]);
	fflush(stdout);
	/* The test's own words. NOLINTNEXTLINE(cert-env33-c) */
	if (system(command))
		return nx_fail(error, NX_INTERNAL, NULL, "%s failed", command);
	return NX_OK;
}

static void changes_forget(struct probe *probe)
{
	for (size_t i = 0; i < probe->change_count; i++) {
		free(NX_TAKE(probe->keys[i]));
		free(NX_TAKE(probe->prefixes[i]));
	}
	memset(probe->changes, 0, sizeof(probe->changes));
	probe->change_count = 0;
}

static enum nx_status do_apply(struct probe *probe, char **words, struct nx_error *error)
{
	enum nx_status status =
		probe->driver->peers_apply(probe->instance, probe->changes, probe->change_count, error);

	(void)words;
	changes_forget(probe);
	return status;
}

static void peer_print(void *context, const struct nx_peer *peer)
{
	char text[NX_ADDRESS_TEXT];

	(void)context;
	printf("%s endpoint=%s keepalive=%u allowed=", peer->public_key,
	       peer->endpoint.port ? nx_endpoint_format(&peer->endpoint, text) : "none",
	       peer->keepalive_seconds);
	for (size_t i = 0; i < peer->prefix_count; i++)
		printf("%s%s", i ? "," : "", nx_prefix_format(&peer->prefixes[i], text));
	putchar('\n');
}

static enum nx_status do_peers(struct probe *probe, char **words, struct nx_error *error)
{
	(void)words;
	return probe->driver->peers_observe(probe->instance, peer_print, NULL, error);
}

static void status_print(void *context, const struct nx_peer_status *status)
{
	(void)context;
	printf("%s handshake=%lld received=%llu sent=%llu\n", status->public_key,
	       (long long)status->last_handshake, (unsigned long long)status->received_bytes,
	       (unsigned long long)status->sent_bytes);
}

static enum nx_status do_status(struct probe *probe, char **words, struct nx_error *error)
{
	(void)words;
	return probe->driver->peers_status(probe->instance, status_print, NULL, error);
}

static enum nx_status do_stands(struct probe *probe, char **words, struct nx_error *error)
{
	(void)words;
	if (probe->driver->interface_stands(probe->instance))
		return NX_OK;
	return nx_fail(error, NX_NOT_FOUND, NULL, "the interface does not stand");
}

static enum nx_status do_down(struct probe *probe, char **words, struct nx_error *error)
{
	(void)words;
	(void)error;
	probe->driver->interface_down(probe->instance);
	return NX_OK;
}

static const struct {
	const char *name;
	enum nx_status (*run)(struct probe *probe, char **words, struct nx_error *error);
} commands[] = {
	{"key", do_key},       {"up", do_up},	      {"set", do_set},	   {"remove", do_remove},
	{"crowd", do_crowd},   {"sh", do_sh},	      {"apply", do_apply}, {"peers", do_peers},
	{"status", do_status}, {"stands", do_stands}, {"down", do_down},
};

static enum nx_status line_run(struct probe *probe, char *line, struct nx_error *error)
{
	char *words[WORDS + 1] = {0};
	char *rest;
	size_t count = 0;

	for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS;
	     word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	for (size_t i = 0; count && i < NX_COUNT(commands); i++) {
		if (!strcmp(commands[i].name, words[0]))
			return commands[i].run(probe, words, error);
	}
	die("no such command");
}

static const struct nx_plugin *plugin_open(const char *path)
{
	void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct nx_plugin *(*entry)(void);

	if (!file)
		die(dlerror());
	*(void **)&entry = dlsym(file, NX_PLUGIN_ENTRY);
	if (!entry)
		die("the plugin exports no descriptor");
	return entry();
}

static bool failed(enum nx_status status, const struct nx_error *error)
{
	fflush(stdout);
	if (status)
		fprintf(stderr, "%s: %s\n", nx_status_name(status), error->message);
	return status != NX_OK;
}

int main(int count, char **arguments)
{
	static struct probe probe;
	struct nx_host host = {.backend = count > 4 ? arguments[4] : "auto",
			       .program = count > 5 ? arguments[5] : "wireguard-go"};
	const struct nx_plugin *plugin;
	struct nx_error error = {0};
	char *line NX_AUTO_FREE = NULL;
	size_t room = 0;
	bool bad;

	if (count < 4)
		die("driver_probe PLUGIN STATE-DIRECTORY INTERFACE [BACKEND [PROGRAM]]");
	plugin = plugin_open(arguments[1]);
	probe.state_directory = arguments[2];
	probe.interface = arguments[3];
	probe.driver = ((const struct nx_provide *)plugin->provides.rows)->ops;
	bad = failed(plugin->load(&host, &fake_services, &probe.instance, &error), &error);
	if (bad)
		return 1;
	while (!bad && getline(&line, &room, stdin) > 0)
		bad = failed(line_run(&probe, line, &error), &error);
	changes_forget(&probe);
	plugin->unload(probe.instance);
	return bad;
}
