/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of loading: what is needed comes first. Among plugins that could come next
 * the one named first does, so that the order is the same at every start.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/loader_internal.h"
#include "base/memory.h"
#include "base/table.h"

static bool answers(const struct nx_host *host, const struct nx_need *need)
{
	for (uint32_t i = 0; i < host->plugin.provides.count; i++) {
		struct nx_provide provide;

		nx_table_row(&host->plugin.provides, i, &provide, sizeof(provide));
		if (strcmp(provide.kind, need->kind) == 0 &&
		    (!need->key || strcmp(provide.key, need->key) == 0))
			return true;
	}
	return false;
}

static void list_provides(const struct nx_plugins *set, struct nx_buffer *out)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct nx_table *provides = &set->items[i]->plugin.provides;

		for (uint32_t row = 0; row < provides->count; row++) {
			struct nx_provide provide;

			nx_table_row(provides, row, &provide, sizeof(provide));
			nx_buffer_printf(out, "%s%s/%s", out->length ? ", " : "", provide.kind, provide.key);
		}
	}
	if (out->length == 0)
		nx_buffer_text(out, "none");
}

static enum nx_status check_need(const struct nx_plugins *set, const struct nx_host *host,
				 const struct nx_need *need, struct nx_error *error)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer found = {0};

	if (need->soft)
		return NX_OK;
	for (size_t i = 0; i < set->count; i++) {
		if (answers(set->items[i], need))
			return NX_OK;
	}
	list_provides(set, &found);
	return nx_fail(error, NX_UNSUPPORTED, NULL,
		       "%s: expected a plugin that provides %.64s/%.64s, which it needs; found: %s",
		       host->path, need->kind, need->key ? need->key : "*", found.data);
}

static enum nx_status check_needs(const struct nx_plugins *set, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; i < set->count; i++) {
		const struct nx_table *needs = &set->items[i]->plugin.needs;

		for (uint32_t row = 0; !status && row < needs->count; row++) {
			struct nx_need need;

			nx_table_row(needs, row, &need, sizeof(need));
			status = check_need(set, set->items[i], &need, error);
		}
	}
	return status;
}

/* Does any of the others that still wait answer a need of `host`? */
static bool must_wait(const struct nx_host *host, struct nx_host *const *waiting, size_t count, bool soft_too)
{
	for (uint32_t row = 0; row < host->plugin.needs.count; row++) {
		struct nx_need need;

		nx_table_row(&host->plugin.needs, row, &need, sizeof(need));
		if (need.soft && !soft_too)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (waiting[i] != host && answers(waiting[i], &need))
				return true;
		}
	}
	return false;
}

/* The next to load; `count` when they all wait for each other. Soft needs give way. */
static size_t choose_next(struct nx_host *const *waiting, size_t count)
{
	for (int soft_too = 1; soft_too >= 0; soft_too--) {
		for (size_t i = 0; i < count; i++) {
			if (!must_wait(waiting[i], waiting, count, soft_too))
				return i;
		}
	}
	return count;
}

static enum nx_status fail_cycle(struct nx_host *const *waiting, size_t count, struct nx_error *error)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer names = {0};

	for (size_t i = 0; i < count; i++)
		nx_buffer_printf(&names, "%s%s", i ? ", " : "", waiting[i]->name);
	return nx_fail(error, NX_UNSUPPORTED, NULL,
		       "%s: expected needs that can be met one after the other, found a cycle among: %s",
		       waiting[0]->path, names.data);
}

enum nx_status loader_order(struct nx_plugins *set, struct nx_error *error)
{
	enum nx_status status = check_needs(set, error);

	if (status)
		return status;
	for (size_t placed = 0; placed < set->count; placed++) {
		struct nx_host **waiting = set->items + placed;
		size_t count = set->count - placed;
		size_t next = choose_next(waiting, count);
		struct nx_host *chosen;

		if (next == count)
			return fail_cycle(waiting, count, error);
		chosen = waiting[next];
		memmove(waiting + 1, waiting, next * sizeof(struct nx_host *));
		waiting[0] = chosen;
	}
	return NX_OK;
}
