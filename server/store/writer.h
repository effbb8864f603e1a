/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: a bounded queue of commands, and the one thread that commits them
 * group by group on one connection, which it replaces when it is lost. While the
 * database is away commands are refused at once.
 */
#ifndef NX_SERVER_STORE_WRITER_H
#define NX_SERVER_STORE_WRITER_H

#include <stdatomic.h>

#include "server/store/backend.h"

struct nx_writer;

/* Takes over the connection. No thread yet. */
struct nx_writer *nx_writer_new(const struct nx_store_options *options, const struct nx_backend *backend,
				struct nx_connection *connection);
enum nx_status nx_writer_start(struct nx_writer *writer, struct nx_error *error);
void nx_writer_stop(struct nx_writer *writer); /* once more is fine */
void nx_writer_free(struct nx_writer *writer); /* NULL is fine */

/* Claim this component again on each connection that replaces a lost one. Before the start. */
void nx_writer_claim(struct nx_writer *writer, const char *component);
/* The connection, before the start. */
struct nx_connection *nx_writer_connection(struct nx_writer *writer);
/* Which connection of the database this is now; see nx_notice_handler. Any thread. */
int nx_writer_identity(const struct nx_writer *writer);
void nx_writer_submit(struct nx_writer *writer, struct nx_command *command);
/*
 * Could the last group be written? When not, a probe is under way afterwards: a
 * write that nobody will miss, so that the answer turns without anybody else's.
 */
bool nx_writer_healthy(struct nx_writer *writer, struct nx_error *error);
void nx_writer_figures(struct nx_writer *writer, struct nx_store_figures *out);

#endif
