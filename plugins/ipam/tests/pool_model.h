/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a family's server half that are the same for both, through its descriptor as the server sees it.
 */
#ifndef POOL_MODEL_H
#define POOL_MODEL_H

#include <nexodus/ipam.h>
#include <nexodus/plugin.h>

/* The plugin, loaded with `prefix` as its configuration. Ends the program when it will not load. */
struct loaded {
	const struct nx_plugin *plugin;
	const struct nx_ipam_ops *ops;
	void *instance;
};

struct loaded loaded_begin(const char *prefix);
void loaded_end(const struct loaded *loaded);

/* Is the text taken as this prefix? */
bool prefix_taken(const struct loaded *loaded, const char *text, const char *expected);
/* Is the text refused as NX_INVALID, and does the message hold `part`? */
bool prefix_refused(const struct loaded *loaded, const char *text, const char *part);

/*
 * `steps` random calls on a pool over a prefix of at most 16 host bits, beside an array of what is taken:
 * answers and usage agree at every step, the sequence goes on from the last address given, what is found free
 * is the next from anywhere, and `reserved` is never given.
 */
void pool_model_run(const struct loaded *loaded, const char *prefix, size_t steps,
		    bool (*reserved)(size_t number, size_t size));

/* Every address once, in order, then NX_EXHAUSTED; one given back is the next one given; then the wrap. */
void pool_exhaust(const struct loaded *loaded, const char *prefix, uint64_t capacity);

#endif
