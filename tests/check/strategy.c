/* SPDX-License-Identifier: Apache-2.0 */
/* A small strategy, right as it stands: the next address after the last. Each FAULT_… makes it wrong in one
 * thing. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "next"
#endif

static const struct nx_services *services;

static struct nx_address after(const struct nx_address *address)
{
	struct nx_address next = *address;

	for (unsigned int i = next.length; i-- > 0 && ++next.bytes[i] == 0;)
		;
	return next;
}

/* Where to begin: after the last address, if it is one of the prefix. */
static struct nx_address begin(const struct nx_strategy_request *request)
{
	struct nx_address from;

#ifdef FAULT_LAST_NULL /* "there always is a last one" */
	if (!request->last)
		abort();
#endif
	if (!request->last)
		return request->prefix->address;
	from = after(request->last);
#ifndef FAULT_LAST_OUTSIDE
	if (!services->address->prefix_contains(request->prefix, &from))
		return request->prefix->address;
#endif
	return from;
}

#ifdef FAULT_LINEAR /* one look after the other */
static bool is_free_from(const struct nx_strategy_request *request, struct nx_address *at)
{
	unsigned int bits = request->prefix->address.length * 8u - request->prefix->bits;

	for (unsigned long i = 0; i < 1ul << (bits < 16 ? bits : 16); i++) {
		if (!services->address->prefix_contains(request->prefix, at))
			*at = request->prefix->address;
		if (request->is_free(request->view, at))
			return true;
		*at = after(at);
	}
	*at = request->prefix->address;
	return false;
}
#endif

#ifdef FAULT_BURN /* a book of its own, which it leafs through */
static void leaf_through(const struct nx_prefix *prefix)
{
	volatile unsigned long pages = 0;
	unsigned int bits = prefix->address.length * 8u - prefix->bits;

	for (unsigned long i = 0; i < 32ul << (bits < 16 ? bits : 16); i++)
		pages = pages + i;
}
#endif

#ifdef FAULT_DRAWS /* a few, and then it gives up */
static enum nx_status draw(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	unsigned int hosts = 1u << (request->prefix->bits > request->prefix->address.length * 8u - 8
					    ? request->prefix->address.length * 8u - request->prefix->bits
					    : 8);
	uint8_t chance;

	for (unsigned int i = 0; i < 4; i++) {
		struct nx_address address = request->prefix->address;

		services->random_bytes(&chance, 1);
		address.bytes[address.length - 1] |= (uint8_t)(chance % hosts);
		if (request->is_free(request->view, &address)) {
			*out = address;
			return NX_OK;
		}
	}
	return services->fail(error, NX_EXHAUSTED, NULL, "no draw has won");
}
#endif

#if defined(FAULT_DEAF) || defined(FAULT_GUESSES)
/* It cannot see what is free, and so guesses. */
static enum nx_status choose(void *instance, const struct nx_strategy_request *request,
			     struct nx_address *out, struct nx_error *error)
{
	struct nx_address address = request->prefix->address;

	(void)instance;
	(void)error;
	(void)begin;
#ifdef FAULT_DEAF
	for (unsigned int i = 0; !request->is_awaited(request->view) && i < 7; i++)
		nanosleep(&(const struct timespec){.tv_sec = 1}, NULL);
#endif
	address.bytes[address.length - 1] |= (uint8_t)(1 + request->attempt % 2);
	*out = address;
	return NX_OK;
}
#else
static enum nx_status propose(const struct nx_strategy_request *request, struct nx_address *out,
			      struct nx_error *error)
{
	struct nx_address from = begin(request);

#ifdef FAULT_LINEAR
	if (is_free_from(request, &from)) {
		*out = from;
		return NX_OK;
	}
#endif
#ifdef FAULT_BURN
	leaf_through(request->prefix);
#endif
#ifdef FAULT_BLIND /* "after the last one all are free" */
	if (request->last) {
		*out = from;
		return NX_OK;
	}
#endif
#ifdef FAULT_RESERVED
	if (!request->last) {
		*out = request->prefix->address;
		return NX_OK;
	}
#endif
#ifdef FAULT_REPEAT /* the same device, the same address, whoever has it */
	from = request->prefix->address;
	from.bytes[from.length - 1] |= 1;
	*out = from;
	return NX_OK;
#endif
	return request->next_free(request->view, &from, out, error);
}

static enum nx_status choose(void *instance, const struct nx_strategy_request *request,
			     struct nx_address *out, struct nx_error *error)
{
	struct nx_address found = {0};
	enum nx_status status;

	(void)instance;
#ifdef FAULT_DRAWS
	return draw(request, out, error);
#endif
	status = propose(request, &found, error);
#ifdef FAULT_STATUS
	if (status == NX_EXHAUSTED)
		return services->fail(error, NX_CONFLICT, NULL, "all are taken");
#endif
#ifdef FAULT_FULL /* when there is none, one that is another's will do */
	if (status == NX_EXHAUSTED) {
		*out = after(&request->prefix->address);
		return NX_OK;
	}
#endif
#ifdef FAULT_STUCK
	if (status == NX_EXHAUSTED) {
		for (;;)
			pause();
	}
#endif
#ifdef FAULT_FOUR /* all addresses are four bytes long */
	found.length = 4;
#endif
#ifdef FAULT_BORDER /* prefixes end at bytes */
	for (unsigned int i = request->prefix->bits / 8; status == NX_OK && i < found.length - 1u; i++)
		found.bytes[i] = 0;
#endif
#ifdef FAULT_NAME
	if (strlen(request->device->hostname) > 63)
		return services->fail(error, NX_INVALID, NULL, "the host's name is too long");
#endif
#ifndef FAULT_SCRIBBLE
	if (status == NX_OK)
#endif
		*out = found;
	return status;
}
#endif

static const struct nx_strategy_ops ops = {
	.size = sizeof(ops),
	.label = "next",
	.choose = choose,
#if defined(FAULT_DEAF) || defined(FAULT_GUESSES) || defined(FAULT_LOOKS)
	.flags = NX_STRATEGY_BLOCKING,
#endif
};

static const struct nx_provide provides[] = {{"strategy", "next", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *offered, void **instance,
			   struct nx_error *error)
{
	(void)host;
	(void)error;
	services = offered;
	*instance = NULL;
	return NX_OK;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = PLUGIN_NAME,
	.version = "1",
	.license = "Apache-2.0",
	.summary = "The next address",
	.provides = NX_TABLE(provides),
	.load = load,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
