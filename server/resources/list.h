/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: what is selected, and the query arguments `sort`, `filter` and `range`,
 * each JSON. SQL texts are made of constants and of columns' names alone; filters
 * are judged here, row by row, so that no text depends on what a client writes.
 * A short list may be of records in memory instead.
 */
#ifndef NX_SERVER_RESOURCES_LIST_H
#define NX_SERVER_RESOURCES_LIST_H

#include "server/http/request.h"
#include "server/resources/fields.h"

#define NX_FILTER_LIMIT 8

/* What a client asks of a list. */
struct nx_list_query {
	size_t sort; /* place of the column */
	bool descending;
	struct {
		size_t column;
		const struct nx_json *value; /* equals it, or one of its elements */
	} filter[NX_FILTER_LIMIT];
	size_t filter_count;
	int64_t first;		  /* range, counted from 0 */
	int64_t last;		  /* included */
	struct nx_json *document; /* owned: the filter */
};

/* What there is to list. */
struct nx_list {
	const struct nx_columns *columns; /* the first one is the id */
	const char *from;		  /* "FROM … WHERE … $1 …": a constant */
	struct nx_value params[3];
	size_t param_count;
	/* `from` NULL: these records, which live as long as the request; they are put in order. */
	const struct nx_value **records;
	size_t record_count;
	void (*write)(void *context, const struct nx_value *record, struct nx_buffer *out);
	void *context;
};

/* From the request's query arguments. NX_INVALID with the argument as field. */
enum nx_status nx_list_query_read(struct nx_request *request, const struct nx_columns *columns,
				  struct nx_list_query *out, struct nx_error *error);
void nx_list_query_clean(struct nx_list_query *query);

/* Appends a JSON array of the rows asked for; *total counts those that pass the filter. */
enum nx_status nx_list_run(struct nx_tx *tx, const struct nx_list *list, const struct nx_list_query *query,
			   struct nx_buffer *out, int64_t *total, struct nx_error *error);
/* 200 with X-Total-Count. Takes the body. */
void nx_list_reply(struct nx_request *request, int64_t total, struct nx_buffer *body);

/*
 * The whole of a list handler: reads the query, runs `prepare` and the list in one
 * read transaction, and replies. `prepare` checks access and fills the list in;
 * its `context` is handed on.
 */
void nx_list_serve(struct nx_request *request, const struct nx_columns *columns,
		   enum nx_status (*prepare)(struct nx_request *request, struct nx_tx *tx,
					     struct nx_list *list, struct nx_error *error));

#endif
