/* SPDX-License-Identifier: Apache-2.0 */
/* What a renumbering does to one device, state by state. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/buffer.h"
#include "server/renumbering/inside.h"
#include "server/resources/change.h"

/* --- the record becomes what it is to be --------------------------------------------------------------- */

/* Where questions for this device are left. */
static struct nx_asking *device_asking(struct nx_renumbering_pass *pass, const char *device_id)
{
	if (strcmp(pass->asked, device_id) != 0) {
		snprintf(pass->asked, sizeof(pass->asked), "%s", device_id);
		pass->asking = (struct nx_asking){0};
	}
	return &pass->asking;
}

static enum nx_status device_fill(struct nx_renumbering_pass *pass, struct nx_tx *tx,
				  const struct nx_prefix *to, struct nx_value *record,
				  struct nx_device_texts *texts, struct nx_error *error)
{
	const struct nx_renumbering_source source = {
		.row = pass->row,
		.organization = pass->organization,
		.to = *to,
		.asking = device_asking(pass, record[NX_DEVICE_ID].text),
	};

	return nx_device_second_choose(pass->server, tx, &source, record, texts, error);
}

static enum nx_status device_ask(const struct nx_renumbering_pass *pass, struct nx_value *record)
{
	if (record[pass->row->family->device_second_address].text[0])
		record[NX_DEVICE_RENUMBERING] = NX_INT(pass->row->stage);
	return NX_OK;
}

static void values_swap(struct nx_value *record, size_t a, size_t b)
{
	struct nx_value value = record[a];

	record[a] = record[b];
	record[b] = value;
}

/* The first address and the second change places. One that has none learns the prefix, for when it has one.
 */
static void device_swap(const struct nx_renumbering_pass *pass, const struct nx_prefix *first,
			struct nx_value *record, struct nx_device_texts *texts)
{
	const struct nx_family *family = pass->row->family;
	size_t index = (size_t)(family - pass->server->fields->family);

	if (record[family->device_second_address].text[0]) {
		values_swap(record, family->device_address, family->device_second_address);
		values_swap(record, family->device_prefix, family->device_second_prefix);
	} else {
		record[family->device_prefix] = NX_TEXT(nx_prefix_format(first, texts->prefix[index]));
	}
}

static enum nx_status device_turn(struct nx_renumbering_pass *pass, struct nx_tx *tx, struct nx_value *record,
				  struct nx_device_texts *texts, struct nx_error *error)
{
	const struct nx_renumbering *row = pass->row;
	enum nx_status status;

	if (record[NX_DEVICE_RENUMBERING].integer >= row->stage)
		return NX_OK; /* it has come since */
	status = device_fill(pass, tx, &row->new_prefix, record, texts, error);
	if (status != NX_OK)
		return status;
	device_swap(pass, &row->new_prefix, record, texts);
	if (record[row->family->device_address].text[0])
		record[NX_DEVICE_RENUMBERING] = NX_INT(row->stage);
	return NX_OK;
}

/* One that has lost its second address in between, in a repair of what was damaged, gets another one. */
static enum nx_status device_return(struct nx_renumbering_pass *pass, struct nx_tx *tx,
				    struct nx_value *record, struct nx_device_texts *texts,
				    struct nx_error *error)
{
	const struct nx_renumbering *row = pass->row;
	int64_t known = record[NX_DEVICE_RENUMBERING].integer;
	bool has = record[row->family->device_address].text[0];
	bool turned = !has || known >= row->turned;
	enum nx_status status = NX_OK;

	if (known >= row->stage)
		return NX_OK;
	if (turned)
		status = device_fill(pass, tx, &row->old_prefix, record, texts, error);
	if (status != NX_OK)
		return status;
	if (turned)
		device_swap(pass, &row->old_prefix, record, texts);
	if (has)
		record[NX_DEVICE_RENUMBERING] = NX_INT(row->stage);
	return NX_OK;
}

/* Addresses that are given up by a commit may be in quarantine for a while, if others can get them at all.
 * One that is rolled back was never good for long. */
static enum nx_status device_clear(const struct nx_renumbering_pass *pass, struct nx_tx *tx,
				   struct nx_value *record, struct nx_error *error)
{
	const struct nx_renumbering *row = pass->row;
	const struct nx_family *family = row->family;
	struct nx_lease_request request = nx_device_lease_request(record);
	const char *second = record[family->device_second_address].text;
	struct nx_address address;
	enum nx_status status = NX_OK;

	/* One that has lost it in a repair has been asked all the same. */
	if (second[0] && strcmp(second, record[family->device_address].text) != 0 &&
	    nx_address_parse(second, &address))
		status = nx_lease_end(pass->server->leases, tx, family, &request, &address,
				      row->rolled_back ? NULL : &row->new_prefix, error);
	record[family->device_second_address] = record[family->device_second_prefix] = NX_TEXT("");
	record[NX_DEVICE_RENUMBERING] = record[NX_DEVICE_RENUMBERING_SEEN] = NX_INT(0);
	return status;
}

static enum nx_status device_change(struct nx_renumbering_pass *pass, struct nx_tx *tx,
				    struct nx_value *record, struct nx_device_texts *texts,
				    struct nx_error *error)
{
	switch (pass->row->state) {
	case NX_RENUMBERING_STARTING:
		return device_fill(pass, tx, &pass->row->new_prefix, record, texts, error);
	case NX_RENUMBERING_ASKING:
		return device_ask(pass, record);
	case NX_RENUMBERING_COMMITTING:
		return device_turn(pass, tx, record, texts, error);
	case NX_RENUMBERING_RETURNING:
		return device_return(pass, tx, record, texts, error);
	case NX_RENUMBERING_CLEARING:
		return device_clear(pass, tx, record, error);
	default:
		return NX_OK;
	}
}

/* --- and is written ------------------------------------------------------------------------------------ */

static enum nx_status device_store(const struct nx_renumbering_pass *pass, struct nx_tx *tx,
				   struct nx_value *record, const struct nx_device_texts *texts,
				   struct nx_error *error)
{
	const struct nx_columns *columns = &pass->server->fields->devices;
	struct nx_value params[NX_COLUMN_LIMIT];
	struct nx_buffer json = {0};
	enum nx_status status = nx_revision_next(tx, record[NX_DEVICE_ORGANIZATION].text,
						 &record[NX_DEVICE_REVISION].integer, error);

	if (status == NX_OK) {
		size_t count = nx_columns_update_params(columns, record, params);

		status = nx_sql(tx, error, columns->update, params, count);
	}
	if (status == NX_OK)
		status = nx_device_addresses_write(pass->server, tx, record, texts, error);
	if (status == NX_OK)
		status = nx_device_announce(pass->server, tx, record, &json, error);
	nx_buffer_free(&json);
	return status;
}

enum nx_status nx_renumbering_device(struct nx_renumbering_pass *pass, struct nx_tx *tx,
				     const struct nx_value *before, struct nx_error *error)
{
	const struct nx_columns *columns = &pass->server->fields->devices;
	struct nx_value after[NX_COLUMN_LIMIT];
	struct nx_device_texts texts = {0};
	enum nx_status status;

	memcpy(after, before, columns->count * sizeof(*after));
	status = device_change(pass, tx, after, &texts, error);
	if (status != NX_OK || nx_record_equal(columns, before, after))
		return status;
	return device_store(pass, tx, after, &texts, error);
}
