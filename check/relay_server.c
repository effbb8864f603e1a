/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the server half of "relay/…": how it judges devices. */
#include <string.h>

#include <nexodus/relay.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/table.h"
#include "check/check.h"
#include "check/random.h"

/* A value of a kind that the field may or may not expect. */
static void value_put(struct check *check, struct nx_json *device, const char *name)
{
	static const char *const texts[] = {"", "x", "01890000-0000-7000-8000-000000000000", "\xc3\xa4",
					    "true"};

	switch (random_below(&check->random, 7)) {
	case 0:
		nx_json_put(device, name, nx_json_array());
		break;
	case 1:
		nx_json_put_string(device, name, NULL);
		break;
	case 2:
		nx_json_put_integer(device, name, (int64_t)random_below(&check->random, 3) - 1);
		break;
	case 3:
		nx_json_put_string(device, name, texts[random_below(&check->random, NX_COUNT(texts))]);
		break;
	case 4:
		break; /* left out */
	default:
		nx_json_put_boolean(device, name, random_below(&check->random, 2));
		break;
	}
}

static bool device_judge(struct check *check, const struct nx_json *device)
{
	const struct nx_relay_server_ops *ops = check->capability->ops;
	void *instance = check->capability->provider->instance;
	struct journal_call *call = journal_begin(check->journal, "device_check", NULL);
	NX_CLEANUP(nx_buffer_free) struct nx_buffer text = {0};
	struct nx_error error = {0};

	call->status = ops->device_check(instance, device, &error);
	call->done = true;
	nx_json_print(device, &text);
	if (call->status != NX_OK && call->status != NX_INVALID && call->status != NX_DENIED)
		return check_fail(check, "expected success, `invalid` or `denied` for %.300s, found %s",
				  text.data, nx_status_name(call->status));
	if (call->status && (!error.message[0] || !error.field[0]))
		return check_fail(check,
				  "expected a message and the field that is wrong in %.300s, found no %s",
				  text.data, error.message[0] ? "field" : "message");
	return ops->device_check(instance, device, NULL) == call->status ||
	       check_fail(check, "expected the same answer for %.300s twice, found another", text.data);
}

/* Devices with the plugin's own fields, right and wrong ones. */
static void check_devices(struct check *check)
{
	const struct nx_table *fields = &check->capability->provider->plugin->fields;
	bool good = true;

	for (uint64_t i = 0; good && i < check->options->operations / 100 + 100; i++) {
		NX_AUTO_JSON struct nx_json *device = nx_json_object();

		for (uint32_t row = 0; row < fields->count; row++) {
			struct nx_field field;

			nx_table_row(fields, row, &field, sizeof(field));
			if (field.resource == NX_RESOURCE_DEVICE)
				value_put(check, device, field.name);
		}
		good = device_judge(check, device);
	}
}

/* The device of a client that says nothing of the plugin's fields. */
static void check_defaults(struct check *check)
{
	const struct nx_table *fields = &check->capability->provider->plugin->fields;
	const struct nx_relay_server_ops *ops = check->capability->ops;
	NX_AUTO_JSON struct nx_json *device = nx_json_object();
	struct nx_error error = {0};

	for (uint32_t row = 0; row < fields->count; row++) {
		struct nx_field field;

		nx_table_row(fields, row, &field, sizeof(field));
		if (field.resource != NX_RESOURCE_DEVICE)
			continue;
		if (field.type == NX_FIELD_BOOLEAN)
			nx_json_put_boolean(device, field.name, strcmp(field.fallback, "true") == 0);
		else if (field.type == NX_FIELD_INTEGER)
			nx_json_put_integer(device, field.name, 0);
		else
			nx_json_put_string(device, field.name, field.fallback);
	}
	if (ops->device_check(check->capability->provider->instance, device, &error))
		check_fail(check,
			   "expected that a device with the defaults of all fields is taken, found: %s",
			   error.message);
}

const struct check_case relay_server_cases[] = {
	{"defaults", "a device with the defaults of all fields is taken", check_defaults},
	{"devices", "devices with right and wrong fields", check_devices},
	{0},
};
