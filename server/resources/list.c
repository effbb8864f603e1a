/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/reply.h"
#include "server/resources/value.h"

/* --- query arguments ------------------------------------------------------------- */

static bool column_find(const struct nx_columns *columns, const char *name, size_t *out)
{
	for (size_t i = 0; name && i < columns->count; i++) {
		if (columns->column[i].name && strcmp(columns->column[i].name, name) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* A query argument as a JSON document; *out NULL when it is absent or empty. */
static enum nx_status argument_read(struct nx_request *request, const char *name, enum nx_json_type type,
				    struct nx_json **out, struct nx_error *error)
{
	const char *text = nx_request_query(request, name);
	struct nx_error why;

	*out = NULL;
	if (!text || !text[0])
		return NX_OK;
	if (nx_json_parse(text, strlen(text), out, &why) != NX_OK)
		return nx_fail(error, NX_INVALID, name, "no JSON: %.200s", why.message);
	if (nx_json_type(*out) == type)
		return NX_OK;
	return nx_fail(error, NX_INVALID, name, "expected a JSON %s",
		       type == NX_JSON_ARRAY ? "array" : "object");
}

static enum nx_status sort_read(struct nx_request *request, const struct nx_columns *columns,
				struct nx_list_query *out, struct nx_error *error)
{
	NX_AUTO_JSON struct nx_json *sort = NULL;
	enum nx_status status = argument_read(request, "sort", NX_JSON_ARRAY, &sort, error);
	const char *direction;

	if (status != NX_OK || !sort)
		return status;
	direction = nx_json_string(nx_json_element(sort, 1));
	out->descending = direction && strcasecmp(direction, "DESC") == 0;
	if (nx_json_length(sort) == 2 && direction &&
	    (out->descending || strcasecmp(direction, "ASC") == 0) &&
	    column_find(columns, nx_json_string(nx_json_element(sort, 0)), &out->sort))
		return NX_OK;
	return nx_fail(error, NX_INVALID, "sort", "expected [\"<field>\",\"ASC\"] or [\"<field>\",\"DESC\"]");
}

static enum nx_status range_read(struct nx_request *request, struct nx_list_query *out,
				 struct nx_error *error)
{
	NX_AUTO_JSON struct nx_json *range = NULL;
	enum nx_status status = argument_read(request, "range", NX_JSON_ARRAY, &range, error);

	if (status != NX_OK || !range)
		return status;
	if (nx_json_length(range) == 2 && nx_json_integer(nx_json_element(range, 0), &out->first) &&
	    nx_json_integer(nx_json_element(range, 1), &out->last) && out->first >= 0 &&
	    out->last >= out->first)
		return NX_OK;
	return nx_fail(error, NX_INVALID, "range",
		       "expected [<first>,<last>], both counted from 0 and included");
}

static enum nx_status filter_read(struct nx_request *request, const struct nx_columns *columns,
				  struct nx_list_query *out, struct nx_error *error)
{
	enum nx_status status = argument_read(request, "filter", NX_JSON_OBJECT, &out->document, error);

	if (status != NX_OK || !out->document)
		return status;
	for (const struct nx_json *at = nx_json_first(out->document); at; at = nx_json_next(at)) {
		if (out->filter_count == NX_FILTER_LIMIT)
			return nx_fail(error, NX_INVALID, "filter", "more than %d conditions",
				       NX_FILTER_LIMIT);
		if (!column_find(columns, nx_json_name(at), &out->filter[out->filter_count].column))
			return nx_fail(error, NX_INVALID, "filter", "there is no field '%.64s'",
				       nx_text_printable(nx_json_name(at)) ? nx_json_name(at) : "?");
		out->filter[out->filter_count++].value = at;
	}
	return NX_OK;
}

enum nx_status nx_list_query_read(struct nx_request *request, const struct nx_columns *columns,
				  struct nx_list_query *out, struct nx_error *error)
{
	enum nx_status status;

	*out = (struct nx_list_query){.last = INT64_MAX};
	status = sort_read(request, columns, out, error);
	if (status == NX_OK)
		status = range_read(request, out, error);
	if (status == NX_OK)
		status = filter_read(request, columns, out, error);
	if (status != NX_OK)
		nx_list_query_clean(out);
	return status;
}

void nx_list_query_clean(struct nx_list_query *query)
{
	nx_json_free(NX_TAKE(query->document));
}

/* --- filters --------------------------------------------------------------------- */

static bool scalar_equals(const struct nx_column *column, const struct nx_value *value,
			  const struct nx_json *wanted)
{
	const char *text = nx_json_string(wanted);
	int64_t integer;
	bool truth;

	if (value->type == NX_VALUE_NULL)
		return nx_json_type(wanted) == NX_JSON_NULL;
	if (value->type == NX_VALUE_TEXT)
		return text && strcmp(value->text, text) == 0;
	if (column->type == NX_COLUMN_BOOLEAN)
		return nx_json_boolean(wanted, &truth) && truth == (value->integer != 0);
	return nx_json_integer(wanted, &integer) && integer == value->integer;
}

static bool condition_holds(const struct nx_column *column, const struct nx_value *value,
			    const struct nx_json *wanted)
{
	if (nx_json_type(wanted) != NX_JSON_ARRAY)
		return scalar_equals(column, value, wanted);
	for (const struct nx_json *at = nx_json_first(wanted); at; at = nx_json_next(at)) {
		if (scalar_equals(column, value, at))
			return true;
	}
	return false;
}

static bool passes(const struct nx_columns *columns, const struct nx_list_query *query,
		   const struct nx_value *record)
{
	for (size_t i = 0; i < query->filter_count; i++) {
		size_t place = query->filter[i].column;

		if (!condition_holds(&columns->column[place], &record[place], query->filter[i].value))
			return false;
	}
	return true;
}

/* --- running --------------------------------------------------------------------- */

struct listing {
	const struct nx_list *list;
	const struct nx_list_query *query;
	struct nx_buffer *out;
	int64_t passed;	 /* rows that passed the filter */
	int64_t skipped; /* rows that the database has left out before them */
};

static void record_take(struct listing *listing, const struct nx_value *record)
{
	const struct nx_list_query *query = listing->query;
	int64_t number;

	if (query->filter_count && !passes(listing->list->columns, query, record))
		return;
	number = listing->skipped + listing->passed++;
	if (number < query->first || number > query->last)
		return;
	if (listing->out->data[listing->out->length - 1] != '[')
		nx_buffer_append(listing->out, ",", 1);
	if (listing->list->write)
		listing->list->write(listing->list->context, record, listing->out);
	else
		nx_columns_write(listing->list->columns, record, listing->out);
}

static bool row_take(void *context, const struct nx_row *row)
{
	struct listing *listing = context;
	struct nx_value record[NX_COLUMN_LIMIT];

	nx_record_borrow(listing->list->columns, row, record);
	record_take(listing, record);
	return true;
}

/* NULL, which is more than can be counted, comes last. */
static int values_compare(const struct nx_value *a, const struct nx_value *b)
{
	if (a->type == NX_VALUE_NULL || b->type == NX_VALUE_NULL)
		return (a->type == NX_VALUE_NULL) - (b->type == NX_VALUE_NULL);
	if (a->type == NX_VALUE_TEXT)
		return strcmp(a->text, b->text);
	return (a->integer > b->integer) - (a->integer < b->integer);
}

static int records_compare(const void *a, const void *b, void *context)
{
	const struct nx_list_query *query = context;
	const struct nx_value *one = *(const struct nx_value *const *)a,
			      *other = *(const struct nx_value *const *)b;
	int order = values_compare(&one[query->sort], &other[query->sort]);

	return query->descending ? -order : order;
}

static void records_list(struct listing *listing)
{
	const struct nx_list *list = listing->list;
	struct nx_list_query query = *listing->query;

	if (list->record_count)
		qsort_r(list->records, list->record_count, sizeof(const struct nx_value *), records_compare,
			&query);
	for (size_t i = 0; i < list->record_count; i++)
		record_take(listing, list->records[i]);
}

/* Everything, for a filter to choose from; or the very range, counted apart. */
static enum nx_status rows_select(struct nx_tx *tx, struct listing *listing, struct nx_error *error)
{
	const struct nx_list *list = listing->list;
	const struct nx_list_query *query = listing->query;
	struct nx_value params[NX_COUNT(list->params) + 2];
	size_t count = list->param_count;
	struct nx_buffer sql = {0};
	enum nx_status status;

	memcpy(params, list->params, sizeof(list->params));
	nx_buffer_printf(&sql, "SELECT %s %s ORDER BY %s%s, id", list->columns->list, list->from,
			 list->columns->column[query->sort].column, query->descending ? " DESC" : "");
	if (!query->filter_count && (query->first > 0 || query->last < INT64_MAX)) {
		nx_buffer_printf(&sql, " LIMIT $%zu OFFSET $%zu", count + 1, count + 2);
		params[count++] = NX_INT(query->last - query->first + (query->last < INT64_MAX));
		params[count++] = NX_INT(query->first);
		listing->skipped = query->first;
	}
	status = nx_sql_each(tx, error, sql.data, params, count, row_take, listing);
	nx_buffer_free(&sql);
	return status;
}

static enum nx_status rows_count(struct nx_tx *tx, const struct nx_list *list, int64_t *total,
				 struct nx_error *error)
{
	NX_AUTO_FREE char *sql = nx_printf("SELECT COUNT(*) %s", list->from);

	return nx_sql_integer(tx, error, sql, list->params, list->param_count, total);
}

enum nx_status nx_list_run(struct nx_tx *tx, const struct nx_list *list, const struct nx_list_query *query,
			   struct nx_buffer *out, int64_t *total, struct nx_error *error)
{
	struct listing listing = {.list = list, .query = query, .out = out};
	enum nx_status status = NX_OK;

	nx_buffer_text(out, "[");
	if (list->from)
		status = rows_select(tx, &listing, error);
	else
		records_list(&listing);
	nx_buffer_text(out, "]");
	*total = listing.passed;
	if (status == NX_OK && list->from && !query->filter_count &&
	    (query->first > 0 || query->last < INT64_MAX))
		status = rows_count(tx, list, total, error);
	return status;
}

void nx_list_reply(struct nx_request *request, int64_t total, struct nx_buffer *body)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, total);
	nx_reply_header(request, "X-Total-Count", text);
	nx_reply_json(request, 200, body);
}

/* --- a list handler ---------------------------------------------------------------- */

struct serving {
	struct nx_request *request;
	const struct nx_columns *columns;
	enum nx_status (*prepare)(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				  struct nx_error *error);
	struct nx_list_query query;
	struct nx_buffer body;
	int64_t total;
};

static enum nx_status serve_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct serving *serving = context;
	struct nx_list list = {.columns = serving->columns};
	enum nx_status status = serving->prepare(serving->request, tx, &list, error);

	nx_buffer_clear(&serving->body);
	if (status == NX_OK)
		status = nx_list_run(tx, &list, &serving->query, &serving->body, &serving->total, error);
	return status;
}

void nx_list_serve(struct nx_request *request, const struct nx_columns *columns,
		   enum nx_status (*prepare)(struct nx_request *request, struct nx_tx *tx,
					     struct nx_list *list, struct nx_error *error))
{
	struct serving serving = {.request = request, .columns = columns, .prepare = prepare};
	struct nx_error error = {0};
	enum nx_status status = nx_list_query_read(request, columns, &serving.query, &error);

	if (status == NX_OK)
		status = nx_store_read(nx_request_server(request)->store, serve_read, &serving, &error);
	nx_list_query_clean(&serving.query);
	if (status == NX_OK) {
		nx_list_reply(request, serving.total, &serving.body);
		return;
	}
	nx_buffer_free(&serving.body);
	nx_refuse(request, &error);
}
