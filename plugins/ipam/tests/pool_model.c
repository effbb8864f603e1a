/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/tests/pool_model.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"

static struct fake_setting settings[] = {
	{"prefix", ""}, {"strategy", "sequential"}, {"quarantine", "0"}, {NULL, NULL}};
static struct nx_host host = {.settings = settings};

struct loaded loaded_begin(const char *prefix)
{
	const struct nx_plugin *plugin = nexodus_plugin();
	const struct nx_provide *provide = plugin->provides.rows;
	struct loaded loaded = {.plugin = plugin, .ops = provide->ops};
	struct nx_error error = {0};

	settings[0].value = prefix;
	if (plugin->load(&host, &fake_services, &loaded.instance, &error) == NX_OK)
		return loaded;
	fprintf(stderr, "%s\n", error.message);
	abort();
}

void loaded_end(const struct loaded *loaded)
{
	loaded->plugin->unload(loaded->instance);
}

bool prefix_taken(const struct loaded *loaded, const char *text, const char *expected)
{
	struct nx_prefix prefix;
	struct nx_error error = {0};
	char written[NX_ADDRESS_TEXT];

	if (loaded->ops->prefix_check(loaded->instance, text, &prefix, &error) != NX_OK) {
		fprintf(stderr, "%s refused: %s\n", text, error.message);
		return false;
	}
	return strcmp(fake_services.address->prefix_format(&prefix, written), expected) == 0;
}

bool prefix_refused(const struct loaded *loaded, const char *text, const char *part)
{
	struct nx_prefix prefix = {.bits = 77};
	struct nx_error error = {0};
	enum nx_status status = loaded->ops->prefix_check(loaded->instance, text, &prefix, &error);

	if (status == NX_INVALID && prefix.bits == 77 && strstr(error.message, part))
		return true;
	fprintf(stderr, "%s: status %d, message \"%s\" without \"%s\"\n", text, status, error.message, part);
	return false;
}

/* --- the model
 * -------------------------------------------------------------------------------------------------- */

struct model {
	const struct nx_ipam_ops *ops;
	struct nx_pool *pool;
	struct nx_prefix prefix;
	bool (*reserved)(size_t number, size_t size);
	uint8_t *taken;
	size_t size;
	size_t next;
	uint64_t count;
	uint64_t random;
};

static size_t model_random(struct model *model, size_t below)
{
	model->random = model->random * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(model->random >> 33) % below;
}

static struct nx_address number_address(const struct nx_prefix *prefix, size_t number)
{
	struct nx_address address = prefix->address;

	for (unsigned i = address.length; number; number >>= 8)
		address.bytes[--i] |= (uint8_t)number;
	return address;
}

static bool model_free(const struct model *model, size_t number)
{
	return !model->taken[number] && !model->reserved(number, model->size);
}

/* The next free number from `from` on, round once. */
static bool model_next(const struct model *model, size_t from, size_t *out)
{
	for (size_t i = 0; i < model->size; i++) {
		*out = (from + i) % model->size;
		if (model_free(model, *out))
			return true;
	}
	return false;
}

static void step_allocate(struct model *model)
{
	const struct nx_lease_request request = {.size = sizeof(request)};
	struct nx_address address, expected;
	size_t number;
	enum nx_status status = model->ops->pool_allocate(model->pool, &request, &address, NULL);

	if (!model_next(model, model->next, &number)) {
		CU_ASSERT_EQUAL(status, NX_EXHAUSTED);
		return;
	}
	expected = number_address(&model->prefix, number);
	CU_ASSERT_EQUAL_FATAL(status, NX_OK);
	CU_ASSERT_EQUAL_FATAL(fake_services.address->address_compare(&address, &expected), 0);
	model->taken[number] = 1;
	model->next = number + 1;
	model->count++;
}

static void step_take(struct model *model)
{
	size_t number = model_random(model, model->size);
	struct nx_address address = number_address(&model->prefix, number);
	enum nx_status status = model->ops->pool_take(model->pool, &address, NULL);

	if (model->reserved(number, model->size)) {
		CU_ASSERT_EQUAL(status, NX_INVALID);
		return;
	}
	CU_ASSERT_EQUAL(status, model->taken[number] ? NX_CONFLICT : NX_OK);
	model->count += !model->taken[number];
	model->taken[number] = 1;
}

static void step_give(struct model *model)
{
	size_t number = model_random(model, model->size);
	struct nx_address address = number_address(&model->prefix, number);

	CU_ASSERT_EQUAL(model->ops->pool_give(model->pool, &address),
			model->taken[number] ? NX_OK : NX_NOT_FOUND);
	model->count -= model->taken[number];
	model->taken[number] = 0;
}

static void step_find(const struct model *model, size_t from)
{
	struct nx_address begin = number_address(&model->prefix, from), address = {.length = 77}, expected;
	struct nx_error error = {0};
	size_t number;
	enum nx_status status = model->ops->pool_find(model->pool, &begin, &address, &error);

	if (!model_next(model, from, &number)) {
		CU_ASSERT_EQUAL(status, NX_EXHAUSTED);
		CU_ASSERT_EQUAL(address.length, 77);
		CU_ASSERT_NOT_EQUAL(error.message[0], 0);
		return;
	}
	expected = number_address(&model->prefix, number);
	CU_ASSERT_EQUAL_FATAL(status, NX_OK);
	CU_ASSERT_EQUAL_FATAL(fake_services.address->address_compare(&address, &expected), 0);
}

/* Long stretches in which the pool fills, and as long ones in which it empties. */
static void model_step(struct model *model, size_t step)
{
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	bool filling = step % (model->size * 8) < model->size * 4;

	switch (model_random(model, 8)) {
	case 0:
		step_take(model);
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		filling ? step_allocate(model) : step_give(model);
		break;
	default:
		filling ? step_give(model) : step_allocate(model);
	}
	if (step % 4 == 0)
		step_find(model, model_random(model, model->size));
	model->ops->pool_usage(model->pool, &usage);
	CU_ASSERT_EQUAL(usage.taken, model->count);
}

static void refuse_outside(const struct model *model)
{
	struct nx_address outside = model->prefix.address, other = {.length = outside.length == 4 ? 16 : 4},
			  found;

	outside.bytes[0] ^= 0x80;
	CU_ASSERT_EQUAL(model->ops->pool_take(model->pool, &outside, NULL), NX_INVALID);
	CU_ASSERT_EQUAL(model->ops->pool_take(model->pool, &other, NULL), NX_INVALID);
	CU_ASSERT_EQUAL(model->ops->pool_find(model->pool, &outside, &found, NULL), NX_INVALID);
	CU_ASSERT_EQUAL(model->ops->pool_find(model->pool, &other, &found, NULL), NX_INVALID);
	CU_ASSERT_EQUAL(model->ops->pool_give(model->pool, &outside), NX_NOT_FOUND);
	CU_ASSERT_EQUAL(model->ops->pool_give(model->pool, &other), NX_NOT_FOUND);
}

void pool_model_run(const struct loaded *loaded, const char *prefix, size_t steps,
		    bool (*reserved)(size_t number, size_t size))
{
	struct model model = {
		.ops = loaded->ops, .prefix = fake_prefix(prefix), .reserved = reserved, .random = steps};

	model.size = (size_t)1 << (model.prefix.address.length * 8 - model.prefix.bits);
	model.taken = calloc(model.size, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(model.taken);
	CU_ASSERT_EQUAL_FATAL(model.ops->pool_open(loaded->instance, &model.prefix, &model.pool, NULL),
			      NX_OK);
	refuse_outside(&model);
	for (size_t i = 0; i < steps; i++)
		model_step(&model, i);
	model.ops->pool_close(model.pool);
	free(model.taken);
}

void pool_exhaust(const struct loaded *loaded, const char *prefix, uint64_t capacity)
{
	const struct nx_ipam_ops *ops = loaded->ops;
	const struct nx_lease_request request = {.size = sizeof(request)};
	const struct nx_prefix parsed = fake_prefix(prefix);
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	struct nx_address first, before, address;
	struct nx_error error = {0};
	struct nx_pool *pool;

	CU_ASSERT_EQUAL_FATAL(ops->pool_open(loaded->instance, &parsed, &pool, NULL), NX_OK);
	ops->pool_usage(pool, &usage);
	CU_ASSERT_EQUAL(usage.capacity, capacity);
	CU_ASSERT_EQUAL_FATAL(ops->pool_allocate(pool, &request, &first, NULL), NX_OK);
	before = first;
	for (uint64_t i = 1; i < capacity; i++) {
		if (ops->pool_allocate(pool, &request, &address, NULL) != NX_OK ||
		    fake_services.address->address_compare(&before, &address) >= 0)
			CU_FAIL_FATAL("not every address in order");
		before = address;
	}
	CU_ASSERT_EQUAL(ops->pool_allocate(pool, &request, &address, &error), NX_EXHAUSTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, prefix));
	CU_ASSERT_EQUAL(ops->pool_give(pool, &first), NX_OK);
	CU_ASSERT_EQUAL(ops->pool_allocate(pool, &request, &address, NULL), NX_OK);
	CU_ASSERT_EQUAL(fake_services.address->address_compare(&first, &address), 0);
	ops->pool_usage(pool, &usage);
	CU_ASSERT_EQUAL(usage.taken, capacity);
	ops->pool_close(pool);
}
