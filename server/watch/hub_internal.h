/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the hub. One lock guards everything here; it is held for moments only:
 * to append a line, to copy some out, to hand a page over. The store is never
 * asked under it.
 */
#ifndef NX_SERVER_WATCH_HUB_INTERNAL_H
#define NX_SERVER_WATCH_HUB_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>

#include "base/secret.h"
#include "server/http/request.h"
#include "server/resources/index.h"
#include "server/watch/hub.h"

/* Lines of one page. */
#define NX_PAGE_LINES 256
#define NX_LOADER_THREADS 2

/* A document of the stream, shared by all who have yet to send it. */
struct nx_line {
	unsigned references;
	enum nx_watch_kind kind;
	bool deleted;
	int64_t revision;
	size_t length;
	char text[];
};

enum nx_page_state { NX_PAGE_WAITING, NX_PAGE_READY, NX_PAGE_FAILED };

/* A stretch of an organization's history as the store had it, shared as well. */
struct nx_page {
	LIST_ENTRY(nx_page) of_tail;
	enum nx_page_state state;
	unsigned references; /* watchers at it, and the loader */
	uint64_t made;	     /* milliseconds of CLOCK_MONOTONIC */
	int64_t from;	     /* after this revision … */
	int64_t upto;	     /* … up to this one */
	int64_t snapshot;    /* the organization's revision when it was read */
	int64_t forgotten;
	struct nx_line **lines;
	size_t count;
};

/* The recent changes of one organization, and who watches it. */
struct nx_tail {
	struct nx_index_entry by_id;
	LIST_ENTRY(nx_tail) all;
	STAILQ_ENTRY(nx_tail) dirty_next;
	char id[40];
	int64_t start;		/* it holds all that came after this revision … */
	int64_t last;		/* … up to this one; negative: nothing is known yet */
	int64_t target;		/* the store is known to be this far */
	struct nx_line **lines; /* from `head` to `count`, in order of revision */
	size_t head, count, room, bytes;
	LIST_HEAD(, nx_watcher) watchers;
	LIST_HEAD(, nx_page) pages;
	size_t watcher_count;
	unsigned jobs; /* of the loaders */
	uint64_t idle; /* milliseconds, since when nobody watches */
	bool filling;  /* a loader reads what is missing up to `target` */
	bool again;    /* more was told while it read */
	bool dirty;    /* in the waker's list */
	bool ended;    /* the organization is gone */
};

/* One stream. */
struct nx_watcher {
	struct nx_watch_hub *hub;
	struct nx_tail *tail;
	struct nx_stream *stream; /* NULL until it has started */
	LIST_ENTRY(nx_watcher) of_tail;
	struct nx_index_entry by_token;
	struct nx_index_entry by_principal;
	int64_t cursor;	      /* revision up to which everything has been seen to */
	int64_t after[2];     /* per kind (place: kind / 2): changes after this revision are wanted */
	int64_t deletions;    /* deletions up to here are no news to it; 0: not known yet */
	struct nx_line *line; /* being sent, from `offset` */
	size_t offset;
	struct nx_page *page; /* being sent, from `place` */
	size_t place;
	int64_t expires_at; /* seconds since 1970, of its token; 0: never */
	unsigned kinds;
	bool fresh;   /* started from 0: deletions from before make no sense to it */
	bool tailed;  /* the document that says "caught up" was sent, or is not wanted */
	bool live;    /* has caught up once: from then on it must keep up */
	bool waiting; /* has nothing to send; to be woken */
	bool cut;     /* to be cut off */
	char principal_id[80];
	char token_hash[NX_HASH_TEXT];
};

/* Work for a loader: a page, or (NULL) what the tail lacks. */
struct nx_job {
	STAILQ_ENTRY(nx_job) next;
	struct nx_tail *tail;
	struct nx_page *page;
};

struct nx_watch_hub {
	struct nx_server *server;
	LIST_ENTRY(nx_watch_hub) registered;
	pthread_mutex_t lock;
	pthread_cond_t wake, load, left;
	pthread_t waker, loaders[NX_LOADER_THREADS];
	struct nx_index tails, by_token, by_principal;
	LIST_HEAD(, nx_tail) all;
	STAILQ_HEAD(, nx_tail) dirty;
	STAILQ_HEAD(, nx_job) queue;
	size_t watcher_count;
	size_t backlog; /* lines of a tail */
	int64_t retention;
	uint64_t next_sweep, next_prune;
	int64_t next_expiry; /* the first of the watchers' tokens, seconds since 1970; 0: none */
	bool flush;	     /* streams were woken one by one */
	bool stopping;	     /* streams end, the waker has ended or is about to */
	bool ending;	     /* the loaders end */
};

/* All of these with the lock held. */

/* tail.c */
struct nx_line *nx_line_new(enum nx_watch_kind kind, bool deleted, int64_t revision, size_t length);
void nx_line_drop(struct nx_line *line);
struct nx_tail *nx_tail_find(struct nx_watch_hub *hub, const char *organization_id);
struct nx_tail *nx_tail_get(struct nx_watch_hub *hub, const char *organization_id); /* makes it */
void nx_tail_free(struct nx_watch_hub *hub, struct nx_tail *tail);
/* Takes over a reference; what is not newer than the last line is dropped. */
void nx_tail_append(struct nx_watch_hub *hub, struct nx_tail *tail, struct nx_line *line);
/* Nothing was known: from here on everything will be. */
void nx_tail_begin(struct nx_tail *tail, int64_t revision);
/* The first line after `cursor`; NULL when there is none. */
struct nx_line *nx_tail_after(const struct nx_tail *tail, int64_t cursor);
/* Its watchers are to be woken. */
void nx_tail_wake(struct nx_watch_hub *hub, struct nx_tail *tail);

/* watcher.c: cut off those whose token has expired. */
void nx_watchers_expire(struct nx_watch_hub *hub, int64_t now);
/* End it at the next read, and have it woken. */
void nx_watcher_cut(struct nx_watch_hub *hub, struct nx_watcher *watcher);

/* page.c */
/* The page that follows `cursor`, one that is there or one that will be loaded; a reference. */
struct nx_page *nx_page_get(struct nx_watch_hub *hub, struct nx_tail *tail, int64_t cursor);
void nx_page_drop(struct nx_page *page);
void nx_pages_sweep(struct nx_tail *tail, uint64_t now);

/* loader.c */
void nx_job_add(struct nx_watch_hub *hub, struct nx_tail *tail, struct nx_page *page);
/* The store is at `revision`: fetch what the tail lacks, if it does. */
void nx_tail_reach(struct nx_watch_hub *hub, struct nx_tail *tail, int64_t revision);
void *nx_loader_run(void *hub); /* a thread; takes the lock itself */

uint64_t nx_watch_now(void); /* milliseconds of CLOCK_MONOTONIC */

/* prune.c: submit a command that forgets deletions that are older than the retention. */
void nx_watch_prune(struct nx_watch_hub *hub);

#endif
