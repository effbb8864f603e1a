/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/tests/record_model.h"

#include <nexodus/family.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/tests/fake_agent.h"

static struct nx_host host = {.interface = "wg0", .state_directory = "/nonexistent"};

static const struct nx_family_ops *family_ops(void)
{
	const struct nx_provide *provide = nexodus_plugin()->provides.rows;

	return provide->ops;
}

static void *family_load(void)
{
	void *instance = NULL;

	if (nexodus_plugin()->load(&host, fake_services_of_agent(), &instance, NULL) != NX_OK)
		abort();
	return instance;
}

static bool text_agrees(const char *what, const char *part, const char *found, const char *expected)
{
	if (strcmp(found, expected) == 0)
		return true;
	fprintf(stderr, "%s: %s is \"%s\", not \"%s\"\n", what, part, found, expected);
	return false;
}

static bool family_agrees(const struct record_case *record, const struct nx_member_family *found)
{
	const struct nx_address_services *address = fake_services.address;
	char text[NX_ADDRESS_TEXT];

	if (!found->present)
		return text_agrees(record->what, "address", "", record->address);
	if (!text_agrees(record->what, "address", address->address_format(&found->address, text),
			 record->address) ||
	    !text_agrees(record->what, "organization", address->prefix_format(&found->organization, text),
			 record->organization))
		return false;
	text[0] = '\0';
	if (found->endpoint.port)
		address->endpoint_format(&found->endpoint, text);
	return text_agrees(record->what, "endpoint", text, record->endpoint);
}

static bool refusal_agrees(const struct record_case *record, enum nx_status status,
			   const struct nx_error *error)
{
	const char *part = record->refused ? record->refused : "(nothing)";

	if (status == NX_INVALID && strstr(error->message, part))
		return true;
	fprintf(stderr, "%s: status %d, message \"%s\" without \"%s\"\n", record->what, status,
		error->message, part);
	return false;
}

bool record_agrees(const struct record_case *record)
{
	void *instance = family_load();
	const struct nx_json *device = fake_json(record->json);
	struct nx_member_family found = {.endpoint.port = 77};
	struct nx_error error = {0};

	enum nx_status status = family_ops()->read(instance, device, &found, &error);
	bool agrees = status == NX_OK && !record->refused ? family_agrees(record, &found)
							  : refusal_agrees(record, status, &error);
	if (status != NX_OK && found.endpoint.port != 77)
		agrees = false; /* outputs stay as they were on a failure */
	fake_json_free(device);
	nexodus_plugin()->unload(instance);
	return agrees;
}

bool outside_agrees(const char *json, const char *mapped, bool public)
{
	void *instance = family_load();
	const struct nx_json *device = fake_json(json);
	struct nx_member_family found = {0};
	char text[NX_ADDRESS_TEXT] = "";

	bool agrees = family_ops()->read(instance, device, &found, NULL) == NX_OK;
	if (found.mapped.port)
		fake_services.address->endpoint_format(&found.mapped, text);
	agrees = agrees && text_agrees(json, "mapped", text, mapped) &&
		 text_agrees(json, "public", found.public ? "true" : "false", public ? "true" : "false");
	fake_json_free(device);
	nexodus_plugin()->unload(instance);
	return agrees;
}

static bool self_agrees(const struct nx_family_self *self, const char *json)
{
	void *instance = family_load();
	struct nx_json_writer *writer = fake_writer();

	family_ops()->describe_self(instance, self, writer);
	char *text = cJSON_PrintUnformatted((const cJSON *)(const void *)fake_written(writer));
	bool agrees = text_agrees("describe_self", "JSON", text, json);
	free(text);
	fake_json_free(fake_written(writer));
	nexodus_plugin()->unload(instance);
	return agrees;
}

bool describe_agrees(bool supported, const char *endpoint, const char *requested, const char *json)
{
	const struct nx_family_self self = {
		.size = sizeof(self),
		.supported = supported,
		.endpoint = *endpoint ? fake_endpoint(endpoint) : (struct nx_endpoint){0},
		.requested = *requested ? fake_address(requested) : (struct nx_address){0},
	};

	return self_agrees(&self, json);
}

bool describe_mapped_agrees(const char *mapped, const char *json)
{
	struct nx_family_self self = {.size = sizeof(self), .supported = true};

	if (*mapped == '-')
		self.mapped.address.length = family_ops()->address_length;
	else if (*mapped)
		self.mapped = fake_endpoint(mapped);
	return self_agrees(&self, json);
}
