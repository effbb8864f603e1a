/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: provides strategy/external. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

#include "plugins/strategy-external/answer.h"
#include "plugins/strategy-external/fetch.h"
#include "plugins/strategy-external/question.h"
#include "plugins/strategy-external/settings.h"

struct instance {
	struct nx_host *host;
	const struct nx_services *services;
	pthread_mutex_t lock;
	struct settings *settings; /* under the lock */
};

static struct settings *settings_now(struct instance *instance)
{
	pthread_mutex_lock(&instance->lock);
	struct settings *settings = settings_hold(instance->settings);
	pthread_mutex_unlock(&instance->lock);
	return settings;
}

static enum nx_status ask(const struct instance *instance, const struct settings *settings,
			  const struct nx_strategy_request *request, struct nx_address *out,
			  struct nx_error *error)
{
	const struct nx_services *services = instance->services;
	char question[QUESTION_TEXT], answer[ANSWER_LIMIT + 1];
	const struct fetch fetch = {
		.settings = settings, .services = services, .question = question, .request = request};
	size_t length;
	enum nx_status status;

	if (!settings->url[0])
		return services->fail(
			error, NX_UNAVAILABLE, NULL,
			"no service is configured: the operator sets url in [strategy-external]");
	if (!question_write(request, services, question))
		return services->fail(error, NX_INTERNAL, NULL, "the question to its service is too long");
	status = fetch_answer(&fetch, answer, &length, error);
	return status == NX_OK ? answer_read(answer, length, services, out, error) : status;
}

static enum nx_status choose(void *pointer, const struct nx_strategy_request *request, struct nx_address *out,
			     struct nx_error *error)
{
	struct instance *instance = pointer;
	struct settings *settings = settings_now(instance);
	enum nx_status status = ask(instance, settings, request, out, error);

	settings_drop(settings);
	return status;
}

static const struct nx_strategy_ops ops = {
	.size = sizeof(ops),
	.label = "external",
	.choose = choose,
	.flags = NX_STRATEGY_BLOCKING,
};

static const struct nx_provide provides[] = {{"strategy", "external", &ops}};

/* clang-format off */
static const struct nx_config_key config_keys[] = {
	{ .name = "url", .type = NX_CONFIG_STRING, .fallback = "", .reloadable = true,
	  .summary = "Where the service that proposes addresses is asked, such as https://ipam.example/choose" },
	{ .name = "timeout", .type = NX_CONFIG_DURATION, .fallback = "2s", .minimum = 1, .maximum = 20,
	  .reloadable = true, .summary = "How long one attempt to ask it may take; [strategies] timeout is for all" },
	{ .name = "retries", .type = NX_CONFIG_INTEGER, .fallback = "2", .minimum = 0, .maximum = 10,
	  .reloadable = true, .summary = "Attempts after one that was not answered, with growing pauses" },
	{ .name = "ca-file", .type = NX_CONFIG_STRING, .fallback = "", .reloadable = true,
	  .summary = "PEM file with the authorities whose certificates the service may have (default: the system's)" },
	{ .name = "token", .type = NX_CONFIG_STRING, .fallback = "", .reloadable = true,
	  .summary = "Bearer token sent along; whoever reads the configuration reads it: prefer token-file" },
	{ .name = "token-file", .type = NX_CONFIG_STRING, .fallback = "", .reloadable = true,
	  .summary = "File with the bearer token, mode 0600 or 0640" },
};
/* clang-format on */

/* --- life ------------------------------------------------------------------------------------------ */

static void unload(void *pointer)
{
	struct instance *instance = pointer;

	settings_drop(instance->settings);
	pthread_mutex_destroy(&instance->lock);
	free(instance);
	curl_global_cleanup();
}

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **out,
			   struct nx_error *error)
{
	struct instance *instance = calloc(1, sizeof(*instance));
	enum nx_status status;

	if (!instance || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(instance);
		return services->fail(error, NX_INTERNAL, NULL, "libcurl does not start");
	}
	instance->host = host;
	instance->services = services;
	pthread_mutex_init(&instance->lock, NULL);
	status = settings_read(host, services, &instance->settings, error);
	if (status == NX_OK)
		*out = instance;
	else
		unload(instance);
	return status;
}

static enum nx_status reload(void *pointer, struct nx_error *error)
{
	struct instance *instance = pointer;
	struct settings *settings, *before;
	enum nx_status status = settings_read(instance->host, instance->services, &settings, error);

	if (status != NX_OK)
		return status;
	pthread_mutex_lock(&instance->lock);
	before = instance->settings;
	instance->settings = settings;
	pthread_mutex_unlock(&instance->lock);
	settings_drop(before);
	return NX_OK;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "strategy-external",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "Addresses that another service proposes",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.load = load,
	.reload = reload,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
