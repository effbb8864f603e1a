/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction under way: what it runs on, its first failure, and what is to happen at its end. */
#ifndef NX_SERVER_STORE_TX_H
#define NX_SERVER_STORE_TX_H

#include "server/store/backend.h"

enum nx_tx_mode {
	NX_TX_READING = 1,
	NX_TX_HASTY,   /* statements without an answer are deferred; any failure redoes all */
	NX_TX_CAREFUL, /* each statement is answered before the next */
};

struct nx_tx_hook {
	void (*run)(void *context, enum nx_tx_end end);
	void *context;
};

struct nx_tx {
	struct nx_connection *connection;
	enum nx_tx_mode mode;
	bool written;		 /* since it was last cleared: something but SELECT was run */
	enum nx_outcome outcome; /* the first failure; nothing is run after it */
	struct nx_error failure;
	struct nx_tx_hook *hooks;
	size_t hook_count, hook_room;
	char **notices;
	size_t notice_count, notice_room;
};

/* A point to come back to: the start of a command. */
struct nx_tx_mark {
	size_t hooks, notices;
};
struct nx_tx_mark nx_tx_mark(const struct nx_tx *tx);
/* Call the hooks registered since the mark, the last one first, and forget them and the notices. */
void nx_tx_unwind(struct nx_tx *tx, struct nx_tx_mark mark, enum nx_tx_end end);
/* Call all hooks, the first one first, and forget them and the notices. */
void nx_tx_settle(struct nx_tx *tx, enum nx_tx_end end);
void nx_tx_clear_failure(struct nx_tx *tx);
/* Send the notices, one for each subject: the last. Deferred. */
enum nx_outcome nx_tx_send_notices(struct nx_tx *tx, struct nx_error *error);
/* What the callback that got this transaction ended with, once its SQL has had a say. */
enum nx_status nx_tx_verdict(const struct nx_tx *tx, enum nx_status status, struct nx_error *error);
void nx_tx_free(struct nx_tx *tx); /* its memory; settle or unwind before */

#endif
