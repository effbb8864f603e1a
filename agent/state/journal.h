/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last known good devices on disk: the lines of the event stream as they came,
 * each behind its checksum, appended as they are applied. The cost of keeping the
 * state follows the change, and any beginning of the file is a state that was good
 * once: a file that was cut or damaged is read up to the first bad line, and the
 * agent goes on from that revision.
 *
 * The first line says which device of which organization the rest belongs to. A
 * file that grew much longer than what it says is written anew beside itself and
 * renamed. What cannot be written (a full disk) is held back in bounds; when these
 * are passed, the file stays at its older, good state until it is started over.
 */
#ifndef NX_AGENT_STATE_JOURNAL_H
#define NX_AGENT_STATE_JOURNAL_H

#include "agent/session/stream.h"
#include "base/secret.h"

struct nx_journal;

struct nx_journal_owner {
	char device_id[NX_UUID_TEXT];
	char organization_id[NX_UUID_TEXT];
};

/*
 * Open the journal and hand its events to `each` (which answers false for one that
 * it does not want: the file is then cut before it). A file of another owner is
 * emptied. `damaged` tells that something was cut off. The file is 0600.
 */
enum nx_status nx_journal_open(const char *path, const struct nx_journal_owner *owner,
			       bool (*each)(void *context, const struct nx_event *event), void *context,
			       struct nx_journal **out, bool *damaged, struct nx_error *error);
/* Writes what waits; gives up what was started over and not committed. NULL is fine. */
void nx_journal_close(struct nx_journal *journal);

/* Add a line (without newline). It is written with the next flush. */
void nx_journal_append(struct nx_journal *journal, const char *line, size_t length);
/* Write what waits. A failure is told once per series; what waits is kept for the next try. */
enum nx_status nx_journal_flush(struct nx_journal *journal, struct nx_error *error);
/* Does the file lack what was added? */
bool nx_journal_failing(const struct nx_journal *journal);
/* And for good: only nx_journal_rewrite() makes it whole again. */
bool nx_journal_stuck(const struct nx_journal *journal);

/*
 * Start over with an empty file (a full resync): until nx_journal_commit() the old
 * one stands, and what is appended goes to the new one. What was started over
 * before and not committed is given up.
 */
enum nx_status nx_journal_rewrite(struct nx_journal *journal, const struct nx_journal_owner *owner,
				  struct nx_error *error);
enum nx_status nx_journal_commit(struct nx_journal *journal, struct nx_error *error);

/* Bytes that are on disk. */
size_t nx_journal_size(const struct nx_journal *journal);
/*
 * Write the file anew with only those lines that `keep` wants, in their order, and
 * `last` (NULL: none) behind them. Not while it is started over.
 */
enum nx_status nx_journal_compact(struct nx_journal *journal,
				  bool (*keep)(void *context, const struct nx_event *event), void *context,
				  const char *last, struct nx_error *error);

#endif
