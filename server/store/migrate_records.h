/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps a database has had, and whether they go with those that the program knows. */
#ifndef NX_SERVER_STORE_MIGRATE_RECORDS_H
#define NX_SERVER_STORE_MIGRATE_RECORDS_H

#include "base/secret.h"
#include "server/store/migrate.h"

struct nx_record {
	char *component;
	char *name;
	char *down;
	int64_t number;
	char checksum[NX_HASH_TEXT];
};

/* By component, and in it by number. */
struct nx_records {
	struct nx_record *rows;
	size_t count, room;
};

enum nx_status nx_records_load(struct nx_tx *tx, struct nx_records *records, struct nx_error *error);
void nx_records_free(struct nx_records *records);
/* How many steps of a component are recorded. */
size_t nx_records_of(const struct nx_records *records, const char *component);

/* Row `index` (from 0) of a component's steps, whatever the size of its rows. */
struct nx_migration nx_component_step(const struct nx_component *component, uint32_t index);
void nx_step_checksum(const struct nx_migration *step, char checksum[static NX_HASH_TEXT]);

/* NX_INVALID when steps are not numbered 1, 2, 3, … or lack a text. */
enum nx_status nx_component_check(const struct nx_component *component, struct nx_error *error);
/* NX_UNSUPPORTED, with what to do, when the database is not of this program's making. */
enum nx_status nx_records_check(const struct nx_records *records, const struct nx_component *components,
				size_t count, struct nx_error *error);

#endif
