/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile service can do to the agent: its event stream, in pieces of a size that the first
 * byte says, through members, plan and reconcile onto a host in memory. Whatever it sends, each
 * prefix leads to one peer, and exactly what leads to a peer is routed.
 */
#include <string.h>

#include "agent/network/reconcile.h"
#include "agent/session/stream.h"
#include "base/address.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "tests/unit/agent_fake.h"

static const struct nx_interface_request request = {.size = sizeof(request), .name = "fuzz0"};

struct agent {
	struct fake_host host;
	struct nx_members members;
	struct nx_reconcile reconcile;
};

static void device_delete(struct agent *agent, const char *id)
{
	struct nx_entry *entry = nx_members_find(&agent->members, id);

	if (entry)
		nx_reconcile_forget(&agent->reconcile, entry);
}

static void record_put(struct agent *agent, struct nx_record *record)
{
	struct nx_entry *entry = nx_members_find(&agent->members, record->member.id);
	unsigned effect;

	if (entry && strcmp(entry->record->member.public_key, record->member.public_key) != 0)
		nx_reconcile_forget(&agent->reconcile, entry);
	if (nx_members_put(&agent->members, record, &entry, &effect, NULL) == NX_OK)
		nx_reconcile_mark(&agent->reconcile, entry, effect);
}

static void device_change(struct agent *agent, const struct nx_json *device)
{
	struct nx_record *record = NULL;

	if (nx_record_read(&agent->host.capabilities, device, &record, NULL) != NX_OK)
		device_delete(agent, nx_json_member_string(device, "id", ""));
	else if (strcmp(record->member.id, FAKE_SELF) == 0)
		nx_reconcile_set_self(&agent->reconcile, record);
	else
		record_put(agent, record);
}

static bool event_take(void *context, const struct nx_event *event)
{
	struct agent *agent = context;

	if (event->type == NX_EVENT_CHANGE)
		device_change(agent, event->value);
	else if (event->type == NX_EVENT_DELETE)
		device_delete(agent, nx_json_member_string(event->value, "id", ""));
	else
		FUZZ_ASSERT(nx_reconcile_apply(&agent->reconcile, NULL) == NX_OK);
	return true;
}

static void host_judge(const struct fake_host *host)
{
	size_t prefixes = 0, routes = host->families[0].route_count + host->families[1].route_count;

	for (size_t i = 0; i < host->peer_count; i++) {
		const struct fake_peer *peer = &host->peers[i];
		char text[NX_ADDRESS_TEXT];

		FUZZ_ASSERT(peer->prefix_count > 0);
		prefixes += peer->prefix_count;
		for (size_t j = 0; j < peer->prefix_count; j++) {
			FUZZ_ASSERT(peer->prefixes[j].bits > 0);
			FUZZ_ASSERT(fake_routed(host, nx_prefix_format(&peer->prefixes[j], text)));
		}
	}
	/* As many routes as prefixes, and each prefix routed: so none leads to two peers. */
	FUZZ_ASSERT(prefixes == routes);
}

static void agent_begin(struct agent *agent)
{
	NX_AUTO_JSON struct nx_json *self = NULL;

	fake_host_make(&agent->host);
	nx_members_init(&agent->members, &agent->host.capabilities);
	nx_reconcile_init(&agent->reconcile, &agent->host.capabilities, &agent->members, &request);
	FUZZ_ASSERT(nx_reconcile_start(&agent->reconcile, NULL) == NX_OK);
	self = fake_device(0, "");
	device_change(agent, self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct agent agent;
	struct nx_stream stream = {.event = event_take, .context = &agent};
	size_t piece = length ? 1 + (size_t)data[0] : 1;
	enum nx_status status = NX_OK;

	agent_begin(&agent);
	for (size_t at = 1; at < length && status == NX_OK; at += piece)
		status = nx_stream_feed(&stream, (const char *)data + at,
					at + piece < length ? piece : length - at, NULL);
	FUZZ_ASSERT(status == NX_OK || status == NX_INVALID);
	FUZZ_ASSERT(nx_reconcile_apply(&agent.reconcile, NULL) == NX_OK);
	host_judge(&agent.host);
	/* Another look finds nothing to do. */
	fake_host_count_anew(&agent.host);
	FUZZ_ASSERT(nx_reconcile_observe(&agent.reconcile, NULL) == NX_OK);
	FUZZ_ASSERT(agent.host.families[0].sends + agent.host.families[1].sends == 0);
	nx_stream_release(&stream);
	nx_reconcile_release(&agent.reconcile);
	nx_members_clear(&agent.members);
	fake_host_release(&agent.host);
	return 0;
}
