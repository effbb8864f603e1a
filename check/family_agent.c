/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of "family/…": how it reads what a service says of devices, which is not to be trusted. */
#include <string.h>

#include <nexodus/family.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "check/check.h"
#include "check/number.h"
#include "check/random.h"

static const char *const texts[] = {
	"",
	"x",
	"10.0.0.7",
	"10.0.0.7:51820",
	"10.0.0.0/8",
	"0.0.0.0",
	"127.0.0.1:1",
	"255.255.255.255:65535",
	"fd00::7",
	"[fd00::7]:51820",
	"fd00::/64",
	"::",
	"[::1]:1",
	"::/0",
	"0.0.0.0/0",
	"10.0.0.7:99999",
	"[fd00::7",
	"\xff\xfe",
	"999.1.1.1",
	"fe80::1",
	"ff02::1",
};

static const struct nx_family_ops *ops_of(const struct check *check)
{
	return check->capability->ops;
}

static void *instance_of(const struct check *check)
{
	return check->capability->provider->instance;
}

/* What it writes of a host that has everything: the names of its fields among it. */
static struct nx_json *self_describe(const struct check *check)
{
	bool short_ones = ops_of(check)->address_length == 4;
	struct nx_family_self self = {.size = sizeof(self), .supported = true};
	struct nx_json *out = nx_json_object();

	nx_endpoint_parse(short_ones ? "198.51.100.7:51820" : "[2001:db8::7]:51820", &self.endpoint);
	nx_endpoint_parse(short_ones ? "203.0.113.7:40000" : "[2001:db8:1::7]:40000", &self.mapped);
	nx_address_parse(short_ones ? "10.0.0.7" : "fd00::7", &self.requested);
	ops_of(check)->describe_self(instance_of(check), &self, nx_json_writer(out));
	return out;
}

static bool member_judge(struct check *check, const struct nx_member_family *member, const char *record)
{
	if (!member->present)
		return true;
	if (member->address.length != ops_of(check)->address_length)
		return check_fail(check, "expected an address of %u bytes out of %.300s, found %u",
				  ops_of(check)->address_length, record, member->address.length);
	return nx_prefix_contains(&member->organization, &member->address) ||
	       check_fail(check,
			  "expected an address in its organization's prefix out of %.300s, found another",
			  record);
}

static bool record_judge(struct check *check, const struct nx_json *record)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer text = {0};
	struct journal_call *call = journal_begin(check->journal, "read", NULL);
	struct nx_member_family out, before;
	struct nx_error error = {0};

	memset(&before, 0xa5, sizeof(before));
	memcpy(&out, &before, sizeof(out));
	call->status = ops_of(check)->read(instance_of(check), record, &out, &error);
	call->done = true;
	nx_json_print(record, &text);
	if (call->status == NX_OK)
		return member_judge(check, &out, text.data);
	if (call->status != NX_INVALID)
		return check_fail(check, "expected success or `invalid` for %.300s, found %s", text.data,
				  nx_status_name(call->status));
	if (!check_bytes_same(&out, &before, sizeof(out)))
		return check_fail(
			check, "expected that the output is left alone for %.300s, found that it was written",
			text.data);
	return error.message[0] ||
	       check_fail(check, "expected a message that says what is wrong with %.300s, found none",
			  text.data);
}

/* The organization's prefix is a field that only the server writes, so it is not among the plugin's own:
 * these are the names that the product's families give it. */
static struct nx_json *record_make(struct check *check, const struct nx_json *own)
{
	struct nx_json *record = nx_json_object();

	for (const struct nx_json *row = nx_json_first(own); row; row = nx_json_next(row)) {
		const char *name = nx_json_name(row);

		switch (random_below(&check->random, 6)) {
		case 0:
			nx_json_put(record, name, nx_json_object());
			break;
		case 1:
			nx_json_put_integer(record, name, (int64_t)random_below(&check->random, 1000));
			break;
		case 2:
			nx_json_put_boolean(record, name, random_below(&check->random, 2));
			break;
		case 3:
			break;
		default:
			nx_json_put_string(record, name,
					   texts[random_below(&check->random, NX_COUNT(texts) - 4)]);
			break;
		}
	}
	nx_json_put_string(record, "organization_prefix",
			   texts[random_below(&check->random, NX_COUNT(texts))]);
	nx_json_put_string(record, "organization_prefix_v6",
			   texts[random_below(&check->random, NX_COUNT(texts))]);
	return record;
}

static void check_read(struct check *check)
{
	NX_AUTO_JSON struct nx_json *own = self_describe(check);
	bool good = true;

	for (uint64_t i = 0; good && i < check->options->operations / 10 + 100; i++) {
		NX_AUTO_JSON struct nx_json *record = record_make(check, own);

		good = record_judge(check, record);
	}
}

static void check_absent(struct check *check)
{
	NX_AUTO_JSON struct nx_json *record = nx_json_object();
	struct nx_member_family out = {.present = true};
	struct nx_error error = {0};

	if (ops_of(check)->read(instance_of(check), record, &out, &error))
		check_fail(check, "expected that a device without the family is taken, found: %s",
			   error.message);
	else if (out.present)
		check_fail(check, "expected that a device without the family has none, found an address");
}

static void check_describe(struct check *check)
{
	NX_AUTO_JSON struct nx_json *full = self_describe(check), *empty = nx_json_object();
	const struct nx_family_self nothing = {.size = sizeof(nothing)};

	if (!nx_json_length(full))
		check_fail(check, "expected fields of a host that has everything, found none");
	ops_of(check)->describe_self(instance_of(check), &nothing, nx_json_writer(empty));
	for (const struct nx_json *row = nx_json_first(empty); row; row = nx_json_next(row)) {
		if (!nx_json_member(full, nx_json_name(row)))
			check_fail(
				check,
				"expected the fields of a host that has everything, found \"%s\" in addition",
				nx_json_name(row));
	}
}

static void check_facts(struct check *check)
{
	const struct nx_family_ops *ops = ops_of(check);
	char reason[160];

	memset(reason, 0xa5, sizeof(reason));
	if (!ops->label[0])
		check_fail(check, "expected a label, found none");
	if (ops->address_length != 4 && ops->address_length != 16)
		check_fail(check, "expected 4 or 16 as address_length, found %u", ops->address_length);
	if (!ops->tunnel_overhead)
		check_fail(check, "expected the bytes of an IP header as tunnel_overhead, found 0");
	if (!!ops->echo_open != !!ops->echo_send || !!ops->echo_open != !!ops->echo_receive)
		check_fail(check, "expected all three functions for echoes or none, found some");
	if (!ops->supported(instance_of(check), reason) && !memchr(reason, '\0', sizeof(reason)))
		check_fail(check, "expected a reason of less than %zu bytes, found one without an end",
			   sizeof(reason));
}

static void check_networks(struct check *check)
{
	const struct nx_family_ops *ops = ops_of(check);

	for (unsigned int i = 0; i < 2000; i++) {
		struct nx_prefix network = {
			.address = number_address((check_number)random_next(&check->random) << 64 |
							  random_next(&check->random),
						  ops->address_length),
			.bits = (uint8_t)random_below(&check->random, 8u * ops->address_length + 1),
		};
		struct nx_error error = {0};
		enum nx_status status;
		char text[NX_ADDRESS_TEXT];

		network = nx_prefix_mask(&network);
		status = ops->network_check(instance_of(check), &network, &error);
		if (status != NX_OK && status != NX_INVALID && status != NX_DENIED)
			check_fail(check, "expected success, `invalid` or `denied` for %s, found %s",
				   nx_prefix_format(&network, text), nx_status_name(status));
		if (status && !error.message[0])
			check_fail(check, "expected that network_check says why not %s, found no message",
				   nx_prefix_format(&network, text));
	}
}

const struct check_case family_agent_cases[] = {
	{"facts", "label, lengths, and whether the host can do the family", check_facts},
	{"absent", "devices without the family", check_absent},
	{"read", "device records that make no sense", check_read},
	{"describe", "what it says of this host", check_describe},
	{"network-check", "networks that members say are behind them", check_networks},
	{0},
};
