/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What organizations and devices consist of: the core's columns and what the
 * loaded plugins add, gathered once at start into one table per resource. From a
 * table come the SQL texts, the reading of request bodies and the writing of JSON.
 *
 * A record is an array of values in the order of its table's columns; the first
 * ones are the core's, at fixed places. Its texts belong to whoever made it.
 *
 * Everything here is constant after nx_fields_new(): any thread.
 */
#ifndef NX_SERVER_RESOURCES_FIELDS_H
#define NX_SERVER_RESOURCES_FIELDS_H

#include <nexodus/ipam.h>
#include <nexodus/plugin.h>

#include "base/buffer.h"
#include "base/json.h"
#include "server/server.h"

/* Columns of one resource, and families, at most. */
#define NX_COLUMN_LIMIT 96
#define NX_FAMILY_LIMIT 8

enum nx_organization_column {
	NX_ORGANIZATION_ID,
	NX_ORGANIZATION_OWNER,
	NX_ORGANIZATION_NAME,
	NX_ORGANIZATION_DESCRIPTION,
	NX_ORGANIZATION_CHANGED,  /* revision of its own last change: `revision` in JSON */
	NX_ORGANIZATION_REVISION, /* of the last change of anything in it */
	NX_ORGANIZATION_FORGOTTEN,
	NX_ORGANIZATION_CREATED,
	NX_ORGANIZATION_QUARANTINED, /* the last end of a quarantine in it */
	NX_ORGANIZATION_COLUMNS,     /* their number; plugins' follow */
};

enum nx_device_column {
	NX_DEVICE_ID,
	NX_DEVICE_USER,
	NX_DEVICE_ORGANIZATION,
	NX_DEVICE_PUBLIC_KEY,
	NX_DEVICE_DRIVER,
	NX_DEVICE_HOSTNAME,
	NX_DEVICE_OS,
	NX_DEVICE_CHILD_PREFIX, /* JSON text: null or a list of prefixes */
	NX_DEVICE_REVISION,
	NX_DEVICE_CREATED,
	NX_DEVICE_RENUMBERING,	    /* the stage of a renumbering that its agent is to acknowledge; 0: none */
	NX_DEVICE_RENUMBERING_SEEN, /* the last one that it has acknowledged */
	NX_DEVICE_COLUMNS,
};

enum nx_column_type {
	NX_COLUMN_TEXT,
	NX_COLUMN_INTEGER,
	NX_COLUMN_COUNT,   /* an integer, or NULL where it is more than every JSON reader can hold */
	NX_COLUMN_BOOLEAN, /* stored as 0 or 1 */
	NX_COLUMN_JSON,	   /* stored as the JSON text itself */
	NX_COLUMN_TIME,	   /* stored as seconds since 1970, shown as RFC 3339 */
};

struct nx_column {
	const char *name;   /* in JSON; NULL: not shown */
	const char *column; /* in the store */
	enum nx_column_type type;
	bool fixed;		      /* never changes after the row was made */
	const struct nx_field *field; /* NULL: the core's own */
	const struct nx_plugin *plugin;
	size_t family; /* index into families, NX_NO_FAMILY for none */
	char *key;     /* `"name":` as it is written; NULL: made while writing */
	size_t key_length;
};
#define NX_NO_FAMILY ((size_t)-1)

struct nx_columns {
	const char *table;
	size_t count;
	struct nx_column column[NX_COLUMN_LIMIT];
	char *list;   /* "id, name, …" for SELECT and RETURNING */
	char *find;   /* SELECT of all columns by id: $1 */
	char *insert; /* INSERT with all columns: $1 … $count */
	char *update; /* UPDATE of the columns that may change, by id: see nx_columns_update_params() */
};

/* An address family: a capability "ipam/<key>" and its fields. */
struct nx_family {
	const char *key;
	const char *plugin;
	const struct nx_ipam_ops *ops;
	void *instance;
	size_t organization_prefix; /* places in the records */
	size_t device_prefix;
	size_t device_address;
	size_t device_supported;      /* NX_NO_COLUMN when the family has no such field */
	size_t organization_strategy; /* the same */
	/* NX_NO_COLUMN, all three, when the family cannot be renumbered. */
	size_t organization_second, device_second_prefix, device_second_address;
};
#define NX_NO_COLUMN ((size_t)-1)

struct nx_fields {
	struct nx_columns organizations;
	struct nx_columns devices;
	struct nx_family family[NX_FAMILY_LIMIT];
	size_t family_count;
	char *advance; /* the next revision of organization $1, RETURNING its columns */
	/* The same, if nobody has the public key $2 yet, and if user $3 is a member, or if
	 * registration key $3 is good at the time $4 (seconds since 1970). */
	char *advance_for_user, *advance_for_key;
	char *enter_for_user, *enter_for_key; /* the columns under the same condition, nothing changed */
	/* SELECT of devices of organization $1 with $2 < revision <= $3, in order, $4 at most. */
	char *changed;
	char *by_key;				  /* SELECT of a device by its public key: $1 */
	struct nx_field row[2 * NX_COLUMN_LIMIT]; /* the plugins' rows, in our size */
	size_t row_count;
};

/* Gathers from server->plugins and judges what plugins say: a column or a name used twice, a
 * family without its fields, a fallback of the wrong type are refused with the plugin's name. */
struct nx_fields *nx_fields_new(struct nx_server *server, struct nx_error *error);
void nx_fields_free(struct nx_fields *fields); /* NULL is fine */

/* --- records ------------------------------------------------------------------ */

/* "" and 0 everywhere. */
void nx_record_blank(const struct nx_columns *columns, struct nx_value record[static NX_COLUMN_LIMIT]);
/* The values of a row that was selected with `list`; texts are borrowed from the row. */
void nx_record_borrow(const struct nx_columns *columns, const struct nx_row *row,
		      struct nx_value values[static NX_COLUMN_LIMIT]);
/* The same with texts of its own, in one block to be freed with free(). */
struct nx_value *nx_record_copy(const struct nx_columns *columns, const struct nx_row *row);
/* Another record with texts of its own, to be freed with free(). */
struct nx_value *nx_record_duplicate(const struct nx_columns *columns, const struct nx_value *record);
/* Do all values agree? */
bool nx_record_equal(const struct nx_columns *columns, const struct nx_value *a, const struct nx_value *b);
/* The parameters of `update` in order, the id last; answers their number. */
size_t nx_columns_update_params(const struct nx_columns *columns, const struct nx_value *record,
				struct nx_value params[static NX_COLUMN_LIMIT]);

/* --- reading requests --------------------------------------------------------- */

/* A member that is there and not null, which means the same; of no body at all there is none. */
const struct nx_json *nx_body_member(const struct nx_json *body, const char *name);

/* The message of an NX_INVALID that says that the field is missing, not wrong. */
#define NX_FIELD_NOT_PRESENT "field not present"

/*
 * Take the plugins' fields of a request body into a record: those that clients may
 * send (`when`: NX_FIELD_ON_CREATE or NX_FIELD_ON_PATCH), but for prefixes and
 * addresses of families. At creation what is left out gets its fallback.
 * Members that nobody knows are ignored. Texts are borrowed from `body`.
 * NX_INVALID with the field's name.
 */
enum nx_status nx_fields_read(const struct nx_fields *fields, const struct nx_columns *columns,
			      const struct nx_json *body, uint32_t when, struct nx_value *record,
			      struct nx_error *error);
/* A text of the core's own: absent leaves *out alone. NX_INVALID when it is no string, longer
 * than `limit` bytes or holds control characters. */
enum nx_status nx_text_read(const struct nx_json *body, const char *name, size_t limit, const char **out,
			    struct nx_error *error);
/* A boolean of the core's own: absent leaves *out alone. NX_INVALID when it is none. */
enum nx_status nx_flag_read(const struct nx_json *body, const char *name, bool *out, struct nx_error *error);
/* A UUID; *out NULL when it is absent or empty. NX_INVALID when it is none. */
enum nx_status nx_id_read(const struct nx_json *body, const char *name, const char **out,
			  struct nx_error *error);
/* The address that a device asks for in a family; *wanted is left alone when it asks for none. */
enum nx_status nx_address_read(const struct nx_fields *fields, const struct nx_family *family,
			       const struct nx_json *body, struct nx_address *wanted, struct nx_error *error);
/* The prefix of a new organization in a family: what the body says, or the family's default. */
enum nx_status nx_prefix_read(const struct nx_fields *fields, const struct nx_family *family,
			      const struct nx_json *body, struct nx_prefix *out, struct nx_error *error);
/* The addresses' family, by the number of their bytes; NULL when none is loaded. */
const struct nx_family *nx_family_of(const struct nx_fields *fields, const struct nx_address *address);
/* The same by its key. */
const struct nx_family *nx_family_find(const struct nx_fields *fields, const char *key);

/* --- writing JSON -------------------------------------------------------------- */

/* The columns that have a name, as an object. */
void nx_columns_write(const struct nx_columns *columns, const struct nx_value *record, struct nx_buffer *out);
void nx_organization_write(const struct nx_fields *fields, const struct nx_value *record,
			   struct nx_buffer *out);
/* A family that the device cannot carry shows "" for address and prefix, and no allowed IP. */
void nx_device_write(const struct nx_fields *fields, const struct nx_value *record, struct nx_buffer *out);
/* The organization's second prefix of the family, while it is renumbered; "" otherwise. */
const char *nx_organization_second(const struct nx_family *family, const struct nx_value *record);
/* The device's second address of the family where it is another one than the first; "" otherwise. */
const char *nx_device_second(const struct nx_family *family, const struct nx_value *record);
bool nx_device_supports(const struct nx_family *family, const struct nx_value *record);
/* Append one more member to the object that ends the buffer. `value` is JSON text. */
void nx_json_extend(struct nx_buffer *out, const char *name, const char *value);

#endif
