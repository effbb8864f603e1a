/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the relay's agent half against the real kernel and nft. Usage: relay-forward-probe STATE-DIRECTORY,
 *with commands on standard input, one a line, each answered by "ok" or the reason:
 *
 *	forward INTERFACE relay|- PREFIX…     as nexd calls it
 *	stop                                  end as nexd does; at the end of the input it is as if killed
 */
#include <nexodus/relay.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/ipam/tests/fake_agent.h"

enum { WORDS = 16 };

static void command_forward(const struct nx_relay_ops *ops, void *instance, char **words, size_t count)
{
	struct nx_prefix prefixes[WORDS];
	struct nx_error error = {0};

	for (size_t i = 3; i < count; i++)
		prefixes[i - 3] = fake_prefix(words[i]);
	bool relay = strcmp(words[2], "relay") == 0;
	puts(ops->forward(instance, words[1], relay, prefixes, count - 3, &error) == NX_OK ? "ok"
											   : error.message);
}

static size_t words_split(char *line, char **words)
{
	char *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS;
	     word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	return count;
}

int main(int argument_count, char **arguments)
{
	static const struct fake_setting settings[] = {{"relay-node", "true"},
						       {"relay-only", "false"},
						       {"keepalive", "20"},
						       {"snat", "false"},
						       {NULL, NULL}};
	static struct nx_host host = {.settings = settings, .interface = "wg0"};
	const struct nx_plugin *plugin = nexodus_plugin();
	const struct nx_relay_ops *ops = ((const struct nx_provide *)plugin->provides.rows)->ops;
	char line[1024], *words[WORDS];
	void *instance = NULL;

	if (argument_count != 2)
		return 2;
	host.state_directory = arguments[1];
	if (plugin->load(&host, fake_services_of_agent(), &instance, NULL) != NX_OK ||
	    plugin->start(instance, NULL) != NX_OK)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		size_t count = words_split(line, words);
		if (count >= 3 && strcmp(words[0], "forward") == 0)
			command_forward(ops, instance, words, count);
		else if (count == 1 && strcmp(words[0], "stop") == 0) {
			plugin->stop(instance);
			plugin->unload(instance);
			printf("ok, %zu programs\n", host.programs_run);
			return 0;
		}
	}
	fflush(stdout);
	_exit(0); /* no clean-up: killed */
}
