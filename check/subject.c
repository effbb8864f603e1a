/* SPDX-License-Identifier: Apache-2.0 */
#include "check/subject.h"

#include <stdlib.h>

#include "base/memory.h"
#include "check/agent_host.h"
#include "check/netns.h"

/* The first section declared is a program's own: this one has no keys. */
static const struct nx_table no_keys;

enum nx_status subject_open(struct subject *subject, const char *path, struct nx_error *error)
{
	*subject = (struct subject){.config = nx_config_new("NEXODUS_PLUGIN_CHECK")};
	return nx_plugin_file_open(path, &subject->plugins, &subject->doubt, error);
}

/* "name=value" as an option of the plugin's section. */
static enum nx_status settings_give(struct subject *subject, const struct check_options *options,
				    struct nx_error *error)
{
	static const char *const known[] = {NULL};
	const char *section = nx_plugins_at(subject->plugins, 0)->plugin->name;
	size_t count = options->setting_count;
	char **words = nx_alloc_array(count + 2, sizeof(char *));
	enum nx_status status;
	int first;

	words[0] = nx_strdup("nexodus-plugin-check");
	for (size_t i = 0; i < count; i++)
		words[i + 1] = nx_printf("--set=%s.%s", section, options->settings[i]);
	status = nx_config_arguments(subject->config, (int)count + 1, words, known, &first, error);
	for (size_t i = 0; i <= count; i++)
		free(words[i]);
	free(words);
	return status;
}

enum nx_status subject_configure(struct subject *subject, const struct check_options *options,
				 const char *state_directory, bool netns, struct nx_error *error)
{
	void *program = NULL;
	const struct nx_agent_services *agent = &agent_host_services;
	enum nx_status status = nx_config_declare(subject->config, "nexodus-plugin-check", &no_keys, error);

	agent_host_set(state_directory);
	if (nx_plugins_at(subject->plugins, 0)->plugin->role != NX_ROLE_AGENT)
		agent = NULL;
	else if (netns)
		agent = netns_services(state_directory, &program);
	if (!status)
		status = nx_plugin_file_adopt(subject->plugins, subject->config, agent, program, error);
	if (!status)
		status = settings_give(subject, options, error);
	return status ? status : nx_config_load(subject->config, NULL, false, error);
}

void subject_close(struct subject *subject)
{
	nx_plugins_free(subject->plugins);
	nx_config_free(subject->config);
	netns_release();
	*subject = (struct subject){0};
}
