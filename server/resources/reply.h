/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of resources: failures in the form that clients match on, lists, commands. */
#ifndef NX_SERVER_RESOURCES_REPLY_H
#define NX_SERVER_RESOURCES_REPLY_H

#include "server/http/request.h"
#include "server/resources/fields.h"
#include "server/server.h"

/*
 * Reply a failure. NX_INVALID with a field is 400 `field not present` when that is its
 * message, otherwise `invalid data in field` with the message as `reason`; all else is as
 * nx_reply_error() has it.
 */
void nx_refuse(struct nx_request *request, const struct nx_error *error);
/* A required field that is missing or empty: NX_INVALID. */
static inline enum nx_status nx_missing(struct nx_error *error, const char *field)
{
	nx_fail(error, NX_INVALID, field, NX_FIELD_NOT_PRESENT);
	return NX_INVALID;
}
/* What there is none of, or what the asker may not see. */
static inline enum nx_status nx_not_found(struct nx_error *error, const char *resource)
{
	nx_fail(error, NX_NOT_FOUND, resource, "not found");
	return NX_NOT_FOUND;
}
/* NX_CONFLICT with the id of what is there; NULL when the asker may not see it. */
enum nx_status nx_exists(struct nx_error *error, const char *id);

struct nx_asking;

/*
 * A write on behalf of a request: the command, who asked, and the reply that `done` makes of
 * what `run` left. Embedded at the start of a handler's own struct, which lives as long as
 * the request (nx_request_alloc).
 */
struct nx_write {
	struct nx_command command;
	struct nx_request *request;
	struct nx_server *server;
	const struct nx_principal *who;
	unsigned status;       /* of the reply; 204: without a body */
	struct nx_buffer body; /* what `run` has made; emptied before each run */
	enum nx_status (*run)(struct nx_write *write, struct nx_tx *tx, struct nx_error *error);
	void (*end)(struct nx_write
			    *write); /* NULL, or frees what `run` has allocated; before each run as well */
	void (*committed)(struct nx_write *write); /* NULL, or what follows a commit */
	/* NULL, or where `run` leaves questions to strategies that block (asking.h): they are asked, and it
	 * is run again. */
	struct nx_asking *asking;
};

/* `size` is that of the handler's struct. */
void *nx_write_new(struct nx_request *request, size_t size, unsigned status,
		   enum nx_status (*run)(struct nx_write *write, struct nx_tx *tx, struct nx_error *error));
/* The request must not be touched afterwards. */
void nx_write_submit(struct nx_write *write);

#endif
