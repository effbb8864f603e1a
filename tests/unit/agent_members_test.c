/* SPDX-License-Identifier: Apache-2.0 */
/* Device records from a server that is not trusted. */
#include <stdlib.h>
#include <string.h>

#include "agent/plan/members.h"
#include "base/address.h"
#include "base/memory.h"
#include "tests/unit/agent_fake.h"
#include "tests/unit/unit.h"

static struct fake_host host;

static enum nx_status read_text(const char *text, struct nx_record **out, struct nx_error *error)
{
	NX_AUTO_JSON struct nx_json *device = NULL;

	CU_ASSERT_EQUAL(nx_json_parse(text, strlen(text), &device, NULL), NX_OK);
	*out = NULL;
	return device ? nx_record_read(&host.capabilities, device, out, error) : NX_INVALID;
}

static struct nx_record *record_of(unsigned number, const char *more)
{
	NX_AUTO_JSON struct nx_json *device = fake_device(number, more);
	struct nx_record *record = NULL;

	CU_ASSERT_EQUAL(nx_record_read(&host.capabilities, device, &record, NULL), NX_OK);
	return record;
}

/* --- reading ------------------------------------------------------------------------------ */

static void test_whole_record(void)
{
	NX_AUTO_FREE struct nx_record *record = record_of(
		5,
		",\"relay\":true,\"child_prefix\":[\"192.168.7.9/24\",\"2001:db8::/48\",\"192.168.7.0/24\"]");
	const struct nx_member *member = &record->member;
	char text[NX_ADDRESS_TEXT];

	CU_ASSERT_STRING_EQUAL(member->id, fake_id(5));
	CU_ASSERT_STRING_EQUAL(member->public_key, fake_key(5));
	CU_ASSERT_STRING_EQUAL(member->hostname, "host5");
	CU_ASSERT_EQUAL(record->revision, 5);
	CU_ASSERT_TRUE(member->standing.relay);
	CU_ASSERT_EQUAL(member->family_count, 2);
	CU_ASSERT_STRING_EQUAL(nx_address_format(&member->families[1].address, text), "200::6");
	CU_ASSERT_EQUAL(member->families[0].endpoint.port, 51820);
	/* Host bits are cleared, and what is then the same stands once. */
	CU_ASSERT_EQUAL(member->child_prefix_count, 2);
	CU_ASSERT_STRING_EQUAL(nx_prefix_format(&member->child_prefixes[0], text), "192.168.7.0/24");
}

#define ID "\"id\":\"00000000-0000-7000-8000-000000000001\""
#define KEY "\"public_key\":\"k\""

static const struct {
	const char *text;
	enum nx_status status;
} records[] = {
	{"{" ID "," KEY "}", NX_OK},
	{"{" ID "," KEY ",\"driver\":\"fake\",\"child_prefix\":null,\"hostname\":null}", NX_OK},
	{"{" ID "," KEY ",\"driver\":\"other\"}", NX_UNSUPPORTED},
	{"{" KEY "}", NX_INVALID},
	{"{\"id\":7," KEY "}", NX_INVALID},
	{"{\"id\":\"../../etc\"," KEY "}", NX_INVALID},
	{"{" ID "}", NX_INVALID},
	{"{" ID ",\"public_key\":\"\"}", NX_INVALID},
	{"{" ID ",\"public_key\":\"a b\"}", NX_INVALID},
	{"{" ID ",\"public_key\":\"a\\nb\"}", NX_INVALID},
	{"{" ID ",\"public_key\":[]}", NX_INVALID},
	{"{" ID "," KEY ",\"organization_id\":\"x\"}", NX_INVALID},
	{"{" ID "," KEY ",\"tunnel_ip\":\"1.2.3\"}", NX_INVALID},
	{"{" ID "," KEY ",\"tunnel_ip\":\"1.2.3.4\"}", NX_INVALID},
	/* An address of the other family in this one's field. */
	{"{" ID "," KEY ",\"tunnel_ip\":\"200::1\",\"organization_prefix\":\"200::/64\"}", NX_INVALID},
	{"{" ID "," KEY ",\"local_ip\":\"nowhere\"}", NX_INVALID},
};

static void test_records(void)
{
	for (size_t i = 0; i < NX_COUNT(records); i++) {
		NX_AUTO_FREE struct nx_record *record = NULL;
		struct nx_error error = {0};

		UNIT_ASSERT_ROW(read_text(records[i].text, &record, &error) == records[i].status,
				records[i].text);
		UNIT_ASSERT_ROW((record != NULL) == (records[i].status == NX_OK), records[i].text);
	}
}

static const char *const children_left_out[] = {
	"0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.0", "x", "10.0.0.0/-1", "",
};

static void test_children_left_out(void)
{
	for (size_t i = 0; i < NX_COUNT(children_left_out); i++) {
		NX_AUTO_FREE char *more =
			nx_printf(",\"child_prefix\":[\"%s\",7,null,\"10.9.0.0/16\"]", children_left_out[i]);
		NX_AUTO_FREE struct nx_record *record = record_of(1, more);

		UNIT_ASSERT_ROW(record->member.child_prefix_count == 1, children_left_out[i]);
	}
}

static void test_too_much(void)
{
	struct nx_buffer text = {0};
	NX_AUTO_FREE struct nx_record *record = NULL;
	NX_AUTO_FREE char *name = nx_alloc(NX_HOSTNAME_LIMIT + 2);

	nx_buffer_text(&text, "{" ID "," KEY ",\"child_prefix\":[\"10.0.0.0/16\"");
	for (unsigned i = 0; i < NX_CHILD_PREFIXES_LIMIT; i++)
		nx_buffer_printf(&text, ",\"10.%u.0.0/16\"", i);
	nx_buffer_text(&text, "]}");
	CU_ASSERT_EQUAL(read_text(text.data, &record, NULL), NX_INVALID);
	nx_buffer_clear(&text);
	memset(name, 'x', NX_HOSTNAME_LIMIT + 1);
	nx_buffer_printf(&text, "{" ID "," KEY ",\"hostname\":\"%s\"}", name);
	CU_ASSERT_EQUAL(read_text(text.data, &record, NULL), NX_INVALID);
	nx_buffer_free(&text);
}

/* --- effects -------------------------------------------------------------------------------- */

static const struct {
	const char *before, *after; /* NULL: no device */
	unsigned effect;
} changes[] = {
	{"", "", NX_EFFECT_NONE},
	{"", ",\"online\":true", NX_EFFECT_NONE},
	{NULL, "", NX_EFFECT_PEER},
	{"", NULL, NX_EFFECT_PEER},
	{NULL, ",\"relay\":true", NX_EFFECT_PEER | NX_EFFECT_MESH},
	{",\"child_prefix\":[\"10.9.0.0/16\"]", NULL, NX_EFFECT_PEER | NX_EFFECT_MESH},
	{"", ",\"child_prefix\":[\"10.9.0.0/16\"]", NX_EFFECT_PEER | NX_EFFECT_MESH},
	{"", ",\"symmetric_nat\":true", NX_EFFECT_PEER | NX_EFFECT_MESH},
	{",\"relay\":true", "", NX_EFFECT_PEER | NX_EFFECT_MESH},
	/* Of one family alone. */
	{"", ",\"local_ip_v6\":\"[2001:db8::1]:5\"", NX_EFFECT_PEER},
	{",\"relay\":true", ",\"relay\":true,\"local_ip_v6\":\"[2001:db8::1]:5\"",
	 NX_EFFECT_PEER | NX_EFFECT_MESH},
};

static void test_effects(void)
{
	for (size_t i = 0; i < NX_COUNT(changes); i++) {
		NX_AUTO_FREE struct nx_record *before =
			changes[i].before ? record_of(1, changes[i].before) : NULL;
		NX_AUTO_FREE struct nx_record *after =
			changes[i].after ? record_of(1, changes[i].after) : NULL;

		UNIT_ASSERT_ROW(nx_record_compare(before, after) == changes[i].effect,
				changes[i].after ? changes[i].after : "(none)");
	}
}

/* --- the table ------------------------------------------------------------------------------- */

static void test_table(void)
{
	struct nx_members members;
	struct nx_entry *entry, *same;
	unsigned effect;

	nx_members_init(&members, &host.capabilities);
	CU_ASSERT_EQUAL(nx_members_put(&members, record_of(1, ""), &entry, &effect, NULL), NX_OK);
	CU_ASSERT_EQUAL(effect, NX_EFFECT_PEER);
	CU_ASSERT_EQUAL(nx_members_put(&members, record_of(2, ""), &same, &effect, NULL), NX_OK);
	/* A new record takes the place of the old one; the entry stays where it is. */
	CU_ASSERT_EQUAL(nx_members_put(&members, record_of(1, ",\"x\":1"), &same, &effect, NULL), NX_OK);
	CU_ASSERT_PTR_EQUAL(entry, same);
	CU_ASSERT_EQUAL(effect, NX_EFFECT_NONE);
	CU_ASSERT_EQUAL(members.count, 2);
	CU_ASSERT_PTR_EQUAL(nx_members_find(&members, fake_id(1)), entry);
	CU_ASSERT_PTR_EQUAL(nx_members_find_key(&members, fake_key(1)), entry);
	nx_members_take(&members, entry);
	CU_ASSERT_PTR_NULL(nx_members_find(&members, fake_id(1)));
	CU_ASSERT_PTR_NULL(nx_members_find_key(&members, fake_key(1)));
	nx_entry_free(entry);
	nx_members_clear(&members);
}

/* Another device's key is its own, whoever else shows it. */
static void test_key_of_another(void)
{
	struct nx_members members;
	struct nx_entry *entry;
	struct nx_error error = {0};
	unsigned effect;
	struct nx_record *thief = NULL;
	NX_AUTO_FREE char *text = nx_printf("{\"id\":\"%s\",\"public_key\":\"%s\"}", fake_id(2), fake_key(1));

	nx_members_init(&members, &host.capabilities);
	CU_ASSERT_EQUAL(nx_members_put(&members, record_of(1, ""), &entry, &effect, NULL), NX_OK);
	CU_ASSERT_EQUAL(read_text(text, &thief, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_members_put(&members, thief, &entry, &effect, &error), NX_CONFLICT);
	UNIT_ASSERT_HOLDS(error.message, fake_id(1));
	CU_ASSERT_EQUAL(members.count, 1);
	nx_members_clear(&members);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a whole record", test_whole_record},
		{"records that can and cannot be", test_records},
		{"child prefixes that are left out", test_children_left_out},
		{"more than there may be", test_too_much},
		{"what a change means", test_effects},
		{"the table", test_table},
		{"the key of another device", test_key_of_another},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	fake_host_make(&host);
	int result = unit_run("agent members", tests);

	fake_host_release(&host);
	return result;
}
