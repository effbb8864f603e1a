/* SPDX-License-Identifier: Apache-2.0 */
/* A family that has arrived since the last start: prefixes for organizations, addresses for devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "server/ipam/asking.h"
#include "server/ipam/lease.h"
#include "server/ipam/strategies.h"
#include "server/resources/access.h"
#include "server/resources/change.h"
#include "server/resources/device.h"
#include "server/resources/record_list.h"

/* Rows of one transaction: few enough not to keep others waiting, enough to be worth a commit. */
#define BATCH 256
#define PROGRESS_SECONDS 5
/* Strategies that block may fail so often in all before they are not asked any more. */
#define REFUSALS 3
/* Devices without an address that are logged each for itself; the rest are counted. */
#define TOLD_ONE_BY_ONE 10

struct arrival {
	struct nx_command command;
	struct nx_server *server;
	const struct nx_family *family;
	struct nx_tx *tx;			    /* a rehearsal's; NULL: through the store */
	const struct nx_arrival_observer *observer; /* of a rehearsal; NULL: none, and progress is logged */
	enum nx_status (*each)(struct arrival *arrival, struct nx_tx *tx, struct nx_value *record,
			       struct nx_error *error);
	const struct nx_columns *columns;
	char *select;		 /* rows that lack it, with id > $1, in order, $2 at most */
	char last[NX_UUID_TEXT]; /* where the next batch begins */
	size_t limit;		 /* rows that it has at most */
	/* Of one batch, started anew by each run. */
	char batch_last[NX_UUID_TEXT];
	size_t batch_rows, batch_done, batch_full, batch_at; /* the row that it has come to */
	bool foreseen; /* it ends before a device for which a strategy is to be asked first */
	/* Of the device that strategies are asked for, and what they refused. */
	char asked[NX_UUID_TEXT];
	struct nx_asking asking;
	struct nx_error refusal;
	unsigned refusals;
	/* In all. */
	size_t done, full;
	time_t told;
};

/* --- organizations ----------------------------------------------------------------------- */

static enum nx_status organization_serve(struct arrival *arrival, struct nx_tx *tx, struct nx_value *record,
					 struct nx_error *error)
{
	const struct nx_family *family = arrival->family;
	struct nx_value params[NX_COLUMN_LIMIT];
	char text[NX_ADDRESS_TEXT];
	struct nx_buffer json = {0};
	struct nx_prefix prefix;
	size_t count;
	enum nx_status status = family->ops->prefix_default(family->instance, &prefix, error);

	if (status == NX_OK)
		status = nx_revision_next(tx, record[NX_ORGANIZATION_ID].text,
					  &record[NX_ORGANIZATION_REVISION].integer, error);
	if (status != NX_OK)
		return status;
	record[NX_ORGANIZATION_CHANGED] = record[NX_ORGANIZATION_REVISION];
	record[family->organization_prefix] = NX_TEXT(nx_prefix_format(&prefix, text));
	count = nx_columns_update_params(arrival->columns, record, params);
	status = nx_sql(tx, error, arrival->columns->update, params, count);
	nx_organization_write(arrival->server->fields, record, &json);
	if (status == NX_OK)
		status = nx_change_announce(arrival->server, tx, NX_WATCH_ORGANIZATION,
					    record[NX_ORGANIZATION_ID].text,
					    record[NX_ORGANIZATION_REVISION].integer, json.data, error);
	nx_buffer_free(&json);
	arrival->batch_done++;
	if (arrival->observer)
		arrival->observer->organization(arrival->observer->context, family, record, &prefix);
	return status;
}

/* --- devices ------------------------------------------------------------------------------- */

static enum nx_status device_store(struct arrival *arrival, struct nx_tx *tx, const struct nx_value *record,
				   const struct nx_device_texts *texts, struct nx_error *error)
{
	struct nx_value params[NX_COLUMN_LIMIT];
	struct nx_buffer json = {0};
	size_t count = nx_columns_update_params(arrival->columns, record, params);
	enum nx_status status = nx_sql(tx, error, arrival->columns->update, params, count);

	if (status == NX_OK)
		status = nx_device_addresses_write(arrival->server, tx, record, texts, error);
	if (status == NX_OK && !arrival->observer)
		status = nx_device_announce(arrival->server, tx, record, &json, error);
	nx_buffer_free(&json);
	arrival->batch_done++;
	return status;
}

static void exhaustion_tell(const struct arrival *arrival, const struct nx_value *record,
			    const struct nx_error *why)
{
	if (arrival->observer || arrival->full + arrival->batch_full > TOLD_ONE_BY_ONE)
		return;
	nx_log(NX_LOG_WARNING, "no address for a device", "device", record[NX_DEVICE_ID].text, "organization",
	       record[NX_DEVICE_ORGANIZATION].text, "family", arrival->family->ops->label, "reason",
	       why->message, NULL);
}

/* What the device has got: in families that it had none of, or not. */
static void device_tell(const struct arrival *arrival, const struct nx_value *record,
			const struct nx_device_texts *texts, const struct nx_error *why)
{
	const struct nx_fields *fields = arrival->server->fields;
	const struct nx_arrival_observer *observer = arrival->observer;

	for (size_t i = 0; i < fields->family_count; i++) {
		if (texts->chosen[i].length)
			observer->device(observer->context, &fields->family[i], record, NX_ARRIVAL_GIVEN,
					 NULL);
	}
	if (!nx_device_supports(arrival->family, record))
		observer->device(observer->context, arrival->family, record, NX_ARRIVAL_UNABLE, NULL);
	else if (why->status != NX_OK)
		observer->device(observer->context, arrival->family, record, NX_ARRIVAL_WITHOUT, why);
}

/* Where questions for this device are left; NULL: nobody is asked for it any more. */
static struct nx_asking *device_asking(struct arrival *arrival, const char *device_id)
{
	if (strcmp(arrival->asked, device_id) != 0) {
		snprintf(arrival->asked, sizeof(arrival->asked), "%s", device_id);
		arrival->asking = (struct nx_asking){0};
		if (arrival->refusals < REFUSALS)
			arrival->refusal = (struct nx_error){0};
	}
	return arrival->refusal.status == NX_OK ? &arrival->asking : NULL;
}

/* Strategies that block are asked between two batches: is one to be asked for this device? */
static enum nx_status device_foresee(struct arrival *arrival, const struct nx_value *organization,
				     const struct nx_value *record, struct nx_asking *asking,
				     struct nx_error *error)
{
	enum nx_status status;

	if (!asking)
		return NX_OK;
	status = nx_device_addresses_foresee(arrival->server, organization, NULL, record, asking, error);
	arrival->foreseen = asking->open;
	return status == NX_UNSUPPORTED ? NX_OK : status; /* which is found again */
}

static enum nx_status device_serve(struct arrival *arrival, struct nx_tx *tx, struct nx_value *record,
				   struct nx_error *error)
{
	const struct nx_fields *fields = arrival->server->fields;
	const char *organization_id = record[NX_DEVICE_ORGANIZATION].text;
	NX_AUTO_FREE struct nx_value *organization = NULL;
	struct nx_value after[NX_COLUMN_LIMIT];
	struct nx_device_texts texts;
	struct nx_error why = {0};
	enum nx_status status = nx_record_find(&fields->organizations, tx, fields->organizations.find,
					       organization_id, "organization", &organization, error);

	if (status != NX_OK)
		return status;
	memcpy(after, record, fields->devices.count * sizeof(*after));
	struct nx_asking *asking = device_asking(arrival, record[NX_DEVICE_ID].text);
	status = device_foresee(arrival, organization, record, asking, error);
	if (status != NX_OK)
		return status;
	status = nx_device_addresses_choose(arrival->server, tx, organization, NULL, after, asking, &texts,
					    &why);
	if (status == NX_UNSUPPORTED && arrival->refusal.status != NX_OK)
		why = arrival->refusal;
	if (arrival->observer && (status == NX_OK || status == NX_EXHAUSTED || status == NX_UNSUPPORTED))
		device_tell(arrival, after, &texts, &why);
	if (status == NX_EXHAUSTED || status == NX_UNSUPPORTED) { /* full, or its strategy is not loaded */
		arrival->batch_full++;
		exhaustion_tell(arrival, record, &why);
		if (nx_record_equal(&fields->devices, record, after))
			return NX_OK;
		status = NX_OK; /* its organization's prefix is news */
	}
	if (status != NX_OK) {
		*error = why;
		return status;
	}
	/* A rehearsal counts no revisions: so many changes of one row in one transaction cost PostgreSQL
	 * their square, and nobody sees the numbers. */
	if (!arrival->observer)
		status = nx_revision_next(tx, organization_id, &after[NX_DEVICE_REVISION].integer, error);
	return status == NX_OK ? device_store(arrival, tx, after, &texts, error) : status;
}

/* --- batches ------------------------------------------------------------------------------- */

static enum nx_status batch_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct arrival *arrival = (struct arrival *)command;
	struct nx_record_list list = {.columns = arrival->columns};
	enum nx_status status =
		nx_sql_each(tx, error, arrival->select,
			    NX_PARAMS(NX_TEXT(arrival->last), NX_INT((int64_t)arrival->limit)),
			    nx_record_list_take, &list);

	arrival->batch_done = arrival->batch_full = arrival->batch_at = 0;
	arrival->batch_rows = list.count;
	arrival->foreseen = false;
	nx_asking_begin(&arrival->asking);
	snprintf(arrival->batch_last, NX_UUID_TEXT, "%s", arrival->last);
	while (status == NX_OK && arrival->batch_at < list.count) {
		struct nx_value *record = list.records[arrival->batch_at];

		status = arrival->each(arrival, tx, record, error);
		if (status != NX_OK)
			break;
		snprintf(arrival->batch_last, NX_UUID_TEXT, "%s", record[0].text);
		arrival->batch_at++;
	}
	nx_record_list_clean(&list);
	return arrival->foreseen ? NX_OK : status; /* those before it are served */
}

/* Have the open question answered, which may be that the device gets no address. It is served alone then, so
 * that no other one's questions take the place of its. */
static void question_settle(struct arrival *arrival)
{
	struct nx_strategies *strategies = arrival->server->strategies;
	struct nx_asking *asking = &arrival->asking;
	struct nx_proposal proposal;

	arrival->limit = 1;
	if (!asking->deadline)
		asking->deadline = nx_strategies_deadline(strategies);
	nx_strategies_wait(strategies, &asking->question, asking->deadline, &proposal);
	if (proposal.status == NX_OK) {
		nx_asking_answer(asking, &proposal.address);
		return;
	}
	arrival->refusal = proposal.error;
	arrival->refusals++;
}

static void progress_tell(struct arrival *arrival, bool finished)
{
	char done[24], full[24];

	if (arrival->observer || !arrival->done ||
	    (!finished && time(NULL) - arrival->told < PROGRESS_SECONDS))
		return;
	arrival->told = time(NULL);
	snprintf(done, sizeof(done), "%zu", arrival->done);
	snprintf(full, sizeof(full), "%zu", arrival->full);
	nx_log(NX_LOG_INFO, finished ? "address family has arrived" : "address family is arriving", "family",
	       arrival->family->ops->label, arrival->columns->table, done, "without address",
	       arrival->full ? full : NULL, NULL);
}

static enum nx_status batch_write(struct arrival *arrival, struct nx_error *error)
{
	enum nx_status status;

	arrival->command.run = batch_run;
	status = arrival->tx ? batch_run(&arrival->command, arrival->tx, error)
			     : nx_store_write(arrival->server->store, &arrival->command, error);
	if (status != NX_OK)
		return status;
	memcpy(arrival->last, arrival->batch_last, sizeof(arrival->last));
	arrival->done += arrival->batch_done;
	arrival->full += arrival->batch_full;
	return NX_OK;
}

/* Until a batch finds no row any more. */
static enum nx_status arrive(struct arrival *arrival, struct nx_error *error)
{
	enum nx_status status;
	bool asking, more;

	arrival->told = time(NULL);
	arrival->limit = BATCH;
	do {
		status = batch_write(arrival, error);
		asking = arrival->asking.open;
		if (status != NX_OK && !asking)
			break;
		more = asking || arrival->batch_rows == arrival->limit;
		/* A question that nobody foresaw: those before the device are served without it first. */
		if (status != NX_OK && arrival->batch_at)
			arrival->limit = arrival->batch_at;
		else if (asking)
			question_settle(arrival);
		else
			arrival->limit = BATCH;
		progress_tell(arrival, false);
	} while (more);
	if (status == NX_OK)
		progress_tell(arrival, true);
	free(arrival->select);
	return status;
}

static enum nx_status organizations_arrive(struct arrival arrival, struct nx_error *error)
{
	const struct nx_columns *columns = &arrival.server->fields->organizations;
	const struct nx_family *family = arrival.family;

	arrival.columns = columns;
	arrival.each = organization_serve;
	arrival.select =
		nx_printf("SELECT %s FROM organizations WHERE id > $1 AND %s = '' ORDER BY id LIMIT $2",
			  columns->list, columns->column[family->organization_prefix].column);
	return arrive(&arrival, error);
}

static enum nx_status devices_arrive(struct arrival arrival, struct nx_error *error)
{
	const struct nx_columns *columns = &arrival.server->fields->devices;
	const struct nx_family *family = arrival.family;
	const char *address = columns->column[family->device_address].column;
	const char *prefix = columns->column[family->device_prefix].column;
	bool optional = family->device_supported != NX_NO_COLUMN;

	arrival.columns = columns;
	arrival.each = device_serve;
	/* Those that cannot do the family learn the organization's prefix, for when they can. */
	arrival.select = nx_printf("SELECT %s FROM devices WHERE id > $1 AND (%s = '' OR (%s = ''%s%s%s))"
				   " ORDER BY id LIMIT $2",
				   columns->list, prefix, address, optional ? " AND " : "",
				   optional ? columns->column[family->device_supported].column : "",
				   optional ? " <> 0" : "");
	return arrive(&arrival, error);
}

static enum nx_status families_arrive(struct arrival arrival, struct nx_error *error)
{
	const struct nx_fields *fields = arrival.server->fields;
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++) {
		arrival.family = &fields->family[i];
		status = organizations_arrive(arrival, error);
	}
	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++) {
		arrival.family = &fields->family[i];
		status = devices_arrive(arrival, error);
	}
	return status;
}

enum nx_status nx_leases_family_arrived(struct nx_server *server, struct nx_error *error)
{
	enum nx_status status = families_arrive((struct arrival){.server = server}, error);

	nx_watch_flush(server->watch);
	return status;
}

enum nx_status nx_leases_arrival_rehearse(struct nx_server *server, struct nx_tx *tx,
					  const struct nx_arrival_observer *observer, struct nx_error *error)
{
	return families_arrive((struct arrival){.server = server, .tx = tx, .observer = observer}, error);
}
