/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins' fields become: SQL, reading of bodies, JSON; and what plugins may not declare. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/fields_gather.h"
#include "server/resources/value.h"
#include "tests/unit/unit.h"

/* --- a family that exists here only ---------------------------------------------------- */

static enum nx_status prefix_default(void *instance, struct nx_prefix *out, struct nx_error *error)
{
	(void)instance;
	(void)error;
	*out = (struct nx_prefix){.address = {.length = 4, .bytes = {10, 1}}, .bits = 16};
	return NX_OK;
}

static enum nx_status network_check(void *instance, const struct nx_prefix *network, struct nx_error *error)
{
	(void)instance;
	(void)network;
	(void)error;
	return NX_OK;
}

static enum nx_status prefix_check(void *instance, const char *text, struct nx_prefix *out,
				   struct nx_error *error)
{
	if (strcmp(text, "10.2.0.0/16") != 0)
		return nx_fail(error, NX_INVALID, NULL, "'%s' is not 10.2.0.0/16", text);
	prefix_default(instance, out, error);
	out->address.bytes[1] = 2;
	return NX_OK;
}

static const struct nx_ipam_ops ops = {
	.size = sizeof(ops),
	.label = "Test",
	.address_length = 4,
	.prefix_default = prefix_default,
	.prefix_check = prefix_check,
	.network_check = network_check,
};

#define ON_BOTH (NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH)

static const struct nx_field family_fields[] = {
	{NX_RESOURCE_ORGANIZATION, "net", "ip_net", NX_FIELD_PREFIX, NX_MEANING_ORGANIZATION_PREFIX,
	 NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_DEVICE, "seen_net", "seen_net", NX_FIELD_PREFIX, NX_MEANING_DEVICE_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, "address", "address", NX_FIELD_ADDRESS, NX_MEANING_DEVICE_ADDRESS,
	 NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_DEVICE, "can", "can", NX_FIELD_BOOLEAN, NX_MEANING_DEVICE_SUPPORTED, ON_BOTH, "true"},
	{NX_RESOURCE_DEVICE, "at", "at", NX_FIELD_ENDPOINT, NX_MEANING_PLAIN, ON_BOTH, ""},
};

static const struct nx_field plain_fields[] = {
	{NX_RESOURCE_ORGANIZATION, "zone", "zone", NX_FIELD_BOOLEAN, NX_MEANING_PLAIN, NX_FIELD_ON_CREATE,
	 "true"},
	{NX_RESOURCE_DEVICE, "note", "note", NX_FIELD_STRING, NX_MEANING_PLAIN, ON_BOTH, "none"},
	{NX_RESOURCE_DEVICE, "level", "level", NX_FIELD_INTEGER, NX_MEANING_PLAIN, ON_BOTH, "-7"},
	{NX_RESOURCE_DEVICE, "once", "once", NX_FIELD_STRING, NX_MEANING_PLAIN, NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_DEVICE, "route", "route", NX_FIELD_PREFIX, NX_MEANING_PLAIN, ON_BOTH, ""},
	{NX_RESOURCE_DEVICE, "peer", "peer", NX_FIELD_ADDRESS, NX_MEANING_PLAIN, ON_BOTH, ""},
};

static const struct nx_plugin family_plugin = {.name = "test-family", .fields = NX_TABLE(family_fields)};
static const struct nx_plugin plain_plugin = {.name = "test-plain", .fields = NX_TABLE(plain_fields)};
static const struct nx_loaded family_loaded = {.plugin = &family_plugin};
static const struct nx_capability family_capability = {"ipam", "test", &ops, &family_loaded};

static struct nx_fields *fields_make(void)
{
	struct nx_fields *fields = nx_fields_begin();
	struct nx_error error = {0};

	CU_ASSERT_EQUAL_FATAL(nx_fields_family_add(fields, &family_capability, &error), NX_OK);
	CU_ASSERT_EQUAL_FATAL(nx_fields_plugin_add(fields, &family_plugin, &error), NX_OK);
	CU_ASSERT_EQUAL_FATAL(nx_fields_plugin_add(fields, &plain_plugin, &error), NX_OK);
	CU_ASSERT_EQUAL_FATAL(nx_fields_end(fields, &error), NX_OK);
	return fields;
}

static size_t place_of(const struct nx_columns *columns, const char *name)
{
	for (size_t i = 0; i < columns->count; i++) {
		if (columns->column[i].name && strcmp(columns->column[i].name, name) == 0)
			return i;
	}
	abort();
}

/* --- SQL --------------------------------------------------------------------------------- */

static void test_sql(void)
{
	struct nx_fields *fields = fields_make();

	CU_ASSERT_STRING_EQUAL(fields->organizations.list,
			       "id, owner_id, name, description, changed, revision, forgotten, created_at, "
			       "quarantined, ip_net, zone");
	CU_ASSERT_STRING_EQUAL(fields->organizations.update,
			       "UPDATE organizations SET owner_id = $1, name = $2, description = $3, changed "
			       "= $4, revision = $5,"
			       " ip_net = $6, zone = $7 WHERE id = $8");
	UNIT_ASSERT_HOLDS(fields->devices.insert,
			  "INSERT INTO devices (id, user_id, organization_id, public_key,");
	UNIT_ASSERT_HOLDS(fields->devices.insert, "$21)");
	CU_ASSERT_PTR_NULL(strstr(fields->devices.update, "public_key"));
	CU_ASSERT_PTR_NULL(strstr(fields->devices.update, "user_id"));
	UNIT_ASSERT_HOLDS(fields->devices.find, " FROM devices WHERE id = $1");
	nx_fields_free(fields);
}

static void test_update_params(void)
{
	struct nx_fields *fields = fields_make();
	struct nx_value record[NX_COLUMN_LIMIT], params[NX_COLUMN_LIMIT];
	size_t count;

	nx_record_blank(&fields->organizations, record);
	record[NX_ORGANIZATION_ID] = NX_TEXT("the id");
	record[NX_ORGANIZATION_OWNER] = NX_TEXT("the owner");
	count = nx_columns_update_params(&fields->organizations, record, params);
	CU_ASSERT_EQUAL_FATAL(count, 8);
	CU_ASSERT_STRING_EQUAL(params[0].text, "the owner");
	CU_ASSERT_STRING_EQUAL(params[7].text, "the id");
	nx_fields_free(fields);
}

/* --- reading ------------------------------------------------------------------------------- */

static enum nx_status read_body(const struct nx_fields *fields, const char *text, uint32_t when,
				struct nx_value *record, struct nx_json **body, struct nx_error *error)
{
	CU_ASSERT_EQUAL_FATAL(nx_json_parse(text, strlen(text), body, error), NX_OK);
	nx_record_blank(&fields->devices, record);
	return nx_fields_read(fields, &fields->devices, *body, when, record, error);
}

static void test_read_defaults(void)
{
	struct nx_fields *fields = fields_make();
	struct nx_value record[NX_COLUMN_LIMIT];
	NX_AUTO_JSON struct nx_json *body = NULL;
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(
		read_body(fields, "{\"note\":null,\"unknown\":1}", NX_FIELD_ON_CREATE, record, &body, &error),
		NX_OK);
	CU_ASSERT_STRING_EQUAL(record[place_of(&fields->devices, "note")].text, "none");
	CU_ASSERT_EQUAL(record[place_of(&fields->devices, "level")].integer, -7);
	CU_ASSERT_EQUAL(record[place_of(&fields->devices, "can")].integer, 1);
	nx_fields_free(fields);
}

static void test_read_values(void)
{
	struct nx_fields *fields = fields_make();
	struct nx_value record[NX_COLUMN_LIMIT];
	NX_AUTO_JSON struct nx_json *body = NULL;
	struct nx_error error = {0};

	/* What only creation takes, and what the server writes itself, is not taken from a change. */
	CU_ASSERT_EQUAL(
		read_body(fields,
			  "{\"note\":\"\\u00e9\",\"level\":9007199254740991,\"can\":false,\"once\":\"x\","
			  "\"at\":\"192.0.2.1:1\",\"route\":\"2001:db8::/"
			  "32\",\"peer\":\"\",\"address\":\"10.1.0.1\"}",
			  NX_FIELD_ON_PATCH, record, &body, &error),
		NX_OK);
	CU_ASSERT_STRING_EQUAL(record[place_of(&fields->devices, "note")].text, "\xc3\xa9");
	CU_ASSERT_EQUAL(record[place_of(&fields->devices, "level")].integer, 9007199254740991);
	CU_ASSERT_EQUAL(record[place_of(&fields->devices, "can")].integer, 0);
	CU_ASSERT_STRING_EQUAL(record[place_of(&fields->devices, "at")].text, "192.0.2.1:1");
	CU_ASSERT_STRING_EQUAL(record[place_of(&fields->devices, "route")].text, "2001:db8::/32");
	CU_ASSERT_STRING_EQUAL(record[place_of(&fields->devices, "once")].text, "");
	CU_ASSERT_STRING_EQUAL(record[place_of(&fields->devices, "address")].text, "");
	nx_fields_free(fields);
}

static void test_read_refusals(void)
{
	static const struct {
		const char *body;
		const char *field;
	} rows[] = {
		{"{\"note\":1}", "note"},
		{"{\"note\":[]}", "note"},
		{"{\"note\":\"a\\nb\"}", "note"},
		{"{\"note\":\"\\u001b[2J\"}", "note"},
		{"{\"note\":\"\\u0085\"}", "note"},
		{"{\"note\":\"\\u007f\"}", "note"},
		{"{\"level\":\"1\"}", "level"},
		{"{\"level\":1.5}", "level"},
		{"{\"level\":1e300}", "level"},
		{"{\"can\":1}", "can"},
		{"{\"can\":\"true\"}", "can"},
		{"{\"at\":\"192.0.2.1\"}", "at"},
		{"{\"at\":\"192.0.2.1:0\"}", "at"},
		{"{\"at\":\"[2001:db8::1]:1\"}", "at"}, /* the family's addresses have four bytes */
		{"{\"route\":\"10.0.0.0\"}", "route"},
		{"{\"route\":\"10.0.0.0/33\"}", "route"},
		{"{\"peer\":\"10.0.0.0/8\"}", "peer"},
		{"{\"peer\":\"somebody\"}", "peer"},
	};
	struct nx_fields *fields = fields_make();

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_value record[NX_COLUMN_LIMIT];
		NX_AUTO_JSON struct nx_json *body = NULL;
		struct nx_error error = {0};

		UNIT_ASSERT_ROW(read_body(fields, rows[i].body, NX_FIELD_ON_CREATE, record, &body, &error) ==
					NX_INVALID,
				rows[i].body);
		UNIT_ASSERT_ROW(strcmp(error.field, rows[i].field) == 0, rows[i].body);
		UNIT_ASSERT_ROW(error.message[0] != '\0', rows[i].body);
	}
	nx_fields_free(fields);
}

static void test_read_length(void)
{
	struct nx_fields *fields = fields_make();
	const struct nx_field *field = fields->devices.column[place_of(&fields->devices, "note")].field;
	char text[NX_TEXT_LIMIT + 2] = "";
	struct nx_error error = {0};

	for (size_t length = NX_TEXT_LIMIT; length <= NX_TEXT_LIMIT + 1; length++) {
		NX_AUTO_JSON struct nx_json *body = nx_json_object();
		struct nx_value value;

		memset(text, 'x', length);
		nx_json_put_string(body, "note", text);
		CU_ASSERT_EQUAL(nx_value_read(field, 0, nx_json_member(body, "note"), &value, &error),
				length > NX_TEXT_LIMIT ? NX_INVALID : NX_OK);
	}
	nx_fields_free(fields);
}

static void test_read_prefix(void)
{
	static const struct {
		const char *body;
		enum nx_status status;
		const char *field;
	} rows[] = {
		{"{}", NX_OK, ""},
		{"{\"net\":null}", NX_OK, ""},
		{"{\"net\":\"10.2.0.0/16\"}", NX_OK, ""},
		{"{\"net\":\"\"}", NX_INVALID, "ip_net"}, /* missing: by the column's name */
		{"{\"net\":\"10.3.0.0/16\"}", NX_INVALID, "net"},
		{"{\"net\":3}", NX_INVALID, "net"},
	};
	struct nx_fields *fields = fields_make();

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_AUTO_JSON struct nx_json *body = NULL;
		struct nx_prefix prefix = {0};
		struct nx_error error = {0};

		nx_json_parse(rows[i].body, strlen(rows[i].body), &body, NULL);
		UNIT_ASSERT_ROW(nx_prefix_read(fields, &fields->family[0], body, &prefix, &error) ==
					rows[i].status,
				rows[i].body);
		UNIT_ASSERT_ROW(strcmp(error.field, rows[i].field) == 0, rows[i].body);
		UNIT_ASSERT_ROW(rows[i].status != NX_OK || prefix.bits == 16, rows[i].body);
	}
	nx_fields_free(fields);
}

/* --- writing -------------------------------------------------------------------------------- */

static void device_fill(const struct nx_fields *fields, struct nx_value *record)
{
	nx_record_blank(&fields->devices, record);
	record[NX_DEVICE_ID] = NX_TEXT("d1");
	record[NX_DEVICE_HOSTNAME] = NX_TEXT("a\"b");
	record[NX_DEVICE_CHILD_PREFIX] = NX_TEXT("[\"10.9.0.0/16\"]");
	record[NX_DEVICE_REVISION] = NX_INT(7);
	record[fields->family[0].device_address] = NX_TEXT("10.1.0.1");
	record[fields->family[0].device_prefix] = NX_TEXT("10.1.0.0/16");
	record[fields->family[0].device_supported] = NX_INT(1);
}

static void test_write_device(void)
{
	struct nx_fields *fields = fields_make();
	struct nx_value record[NX_COLUMN_LIMIT];
	struct nx_buffer json = {0};

	device_fill(fields, record);
	nx_device_write(fields, record, &json);
	CU_ASSERT_STRING_EQUAL(
		json.data,
		"{\"id\":\"d1\",\"user_id\":\"\",\"organization_id\":\"\",\"public_key\":\"\",\"driver\":"
		"\"\","
		"\"hostname\":\"a\\\"b\",\"os\":\"\",\"child_prefix\":[\"10.9.0.0/16\"],\"revision\":7,"
		"\"renumbering\":0,\"renumbering_seen\":0,"
		"\"seen_net\":\"10.1.0.0/"
		"16\",\"address\":\"10.1.0.1\",\"can\":true,\"at\":\"\",\"note\":\"\","
		"\"level\":0,\"once\":\"\",\"route\":\"\",\"peer\":\"\",\"allowed_ips\":[\"10.1.0.1/32\"]}");
	nx_json_extend(&json, "online", "true");
	UNIT_ASSERT_HOLDS(json.data, "\"allowed_ips\":[\"10.1.0.1/32\"],\"online\":true}");
	nx_buffer_free(&json);
	nx_fields_free(fields);
}

static void test_write_unsupported(void)
{
	struct nx_fields *fields = fields_make();
	struct nx_value record[NX_COLUMN_LIMIT];
	struct nx_buffer json = {0};

	device_fill(fields, record);
	record[fields->family[0].device_supported] = NX_INT(0);
	record[NX_DEVICE_CHILD_PREFIX] = NX_TEXT("null");
	nx_device_write(fields, record, &json);
	UNIT_ASSERT_HOLDS(json.data, "\"seen_net\":\"\",\"address\":\"\",\"can\":false");
	UNIT_ASSERT_HOLDS(json.data, "\"child_prefix\":null");
	UNIT_ASSERT_HOLDS(json.data, "\"allowed_ips\":[]");
	nx_buffer_free(&json);
	nx_fields_free(fields);
}

static void test_write_organization(void)
{
	struct nx_fields *fields = fields_make();
	struct nx_value record[NX_COLUMN_LIMIT];
	struct nx_buffer json = {0};

	nx_record_blank(&fields->organizations, record);
	record[NX_ORGANIZATION_CHANGED] = NX_INT(3);
	record[NX_ORGANIZATION_REVISION] = NX_INT(9);
	nx_organization_write(fields, record, &json);
	CU_ASSERT_STRING_EQUAL(
		json.data, "{\"id\":\"\",\"owner_id\":\"\",\"name\":\"\",\"description\":\"\",\"revision\":3,"
			   "\"net\":\"\",\"zone\":false}");
	nx_buffer_free(&json);
	nx_fields_free(fields);
}

static void test_record_copies(void)
{
	struct nx_fields *fields = fields_make();
	struct nx_value record[NX_COLUMN_LIMIT];
	struct nx_value *copy;

	device_fill(fields, record);
	copy = nx_record_duplicate(&fields->devices, record);
	CU_ASSERT_PTR_NOT_EQUAL(copy[NX_DEVICE_ID].text, record[NX_DEVICE_ID].text);
	CU_ASSERT_TRUE(nx_record_equal(&fields->devices, copy, record));
	copy[NX_DEVICE_REVISION].integer++;
	CU_ASSERT_FALSE(nx_record_equal(&fields->devices, copy, record));
	free(copy);
	nx_fields_free(fields);
}

/* --- what may not be declared ------------------------------------------------------------------ */

static void test_declarations_refused(void)
{
	static const struct {
		const char *what;
		struct nx_field field;
		const char *message;
	} rows[] = {
		{"a name of the core's",
		 {NX_RESOURCE_DEVICE, "hostname", "c", NX_FIELD_STRING, 0, 0, ""},
		 "hostname"},
		{"a computed name",
		 {NX_RESOURCE_DEVICE, "allowed_ips", "c", NX_FIELD_STRING, 0, 0, ""},
		 "allowed_ips"},
		{"a column of the core's",
		 {NX_RESOURCE_DEVICE, "n", "id", NX_FIELD_STRING, 0, 0, ""},
		 "column id"},
		{"another plugin's name",
		 {NX_RESOURCE_DEVICE, "note", "c", NX_FIELD_STRING, 0, 0, ""},
		 "note"},
		{"no name", {NX_RESOURCE_DEVICE, NULL, "c", NX_FIELD_STRING, 0, 0, ""}, "identifier"},
		{"SQL for a column",
		 {NX_RESOURCE_DEVICE, "n", "c) --", NX_FIELD_STRING, 0, 0, ""},
		 "identifier"},
		{"capitals", {NX_RESOURCE_DEVICE, "N", "c", NX_FIELD_STRING, 0, 0, ""}, "identifier"},
		{"an unfit fallback", {NX_RESOURCE_DEVICE, "n", "c", NX_FIELD_INTEGER, 0, 0, "x"}, "default"},
		{"a doubtful truth", {NX_RESOURCE_DEVICE, "n", "c", NX_FIELD_BOOLEAN, 0, 0, "1"}, "default"},
		{"no fallback", {NX_RESOURCE_DEVICE, "n", "c", NX_FIELD_STRING, 0, 0, NULL}, "default"},
		{"no such resource", {7, "n", "c", NX_FIELD_STRING, 0, 0, ""}, "resource"},
		{"a meaning without a family",
		 {NX_RESOURCE_DEVICE, "n", "c", NX_FIELD_ADDRESS, NX_MEANING_DEVICE_ADDRESS, 0, ""},
		 "meaning"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_fields *fields = fields_make();
		const struct nx_plugin plugin = {.name = "bad-plugin",
						 .fields = {&rows[i].field, 1, sizeof(rows[i].field)}};
		struct nx_error error = {0};

		UNIT_ASSERT_ROW(nx_fields_plugin_add(fields, &plugin, &error) != NX_OK, rows[i].what);
		UNIT_ASSERT_HOLDS(error.message, "bad-plugin");
		UNIT_ASSERT_HOLDS(error.message, rows[i].message);
		nx_fields_free(fields);
	}
}

static void test_family_incomplete(void)
{
	const struct nx_plugin plugin = {.name = "half",
					 .fields = {family_fields, 2, sizeof(family_fields[0])}};
	const struct nx_loaded loaded = {.plugin = &plugin};
	const struct nx_capability capability = {"ipam", "half", &ops, &loaded};
	struct nx_fields *fields = nx_fields_begin();
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(nx_fields_family_add(fields, &capability, &error), NX_OK);
	CU_ASSERT_EQUAL(nx_fields_plugin_add(fields, &plugin, &error), NX_OK);
	CU_ASSERT_EQUAL(nx_fields_end(fields, &error), NX_INVALID);
	UNIT_ASSERT_HOLDS(error.message, "ipam/half");
	nx_fields_free(fields);
}

/* Rows of an older, shorter ABI are read with their own stride. */
static void test_short_rows(void)
{
	struct {
		enum nx_resource resource;
		const char *name, *column;
		enum nx_field_type type;
		enum nx_field_meaning meaning;
		uint32_t flags;
		const char *fallback;
		char more[24];
	} longer[] = {
		{NX_RESOURCE_DEVICE, "one", "one", NX_FIELD_STRING, NX_MEANING_PLAIN, 0, "",
		 "from a later minor"},
		{NX_RESOURCE_DEVICE, "two", "two", NX_FIELD_STRING, NX_MEANING_PLAIN, 0, "",
		 "from a later minor"},
	};
	const struct nx_plugin plugin = {.name = "later", .fields = NX_TABLE(longer)};
	struct nx_fields *fields = nx_fields_begin();
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(nx_fields_plugin_add(fields, &plugin, &error), NX_OK);
	CU_ASSERT_STRING_EQUAL(fields->devices.column[NX_DEVICE_COLUMNS + 1].name, "two");
	nx_fields_free(fields);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"SQL texts", test_sql},
		{"parameters of an update", test_update_params},
		{"defaults", test_read_defaults},
		{"values of all types", test_read_values},
		{"values that are refused", test_read_refusals},
		{"length of texts", test_read_length},
		{"prefixes", test_read_prefix},
		{"a device as JSON", test_write_device},
		{"a family that a device cannot do", test_write_unsupported},
		{"an organization as JSON", test_write_organization},
		{"records are copied", test_record_copies},
		{"declarations that are refused", test_declarations_refused},
		{"a family without its fields", test_family_incomplete},
		{"rows of another length", test_short_rows},
		CU_TEST_INFO_NULL,
	};

	return unit_run("fields", tests);
}
