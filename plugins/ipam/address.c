/* SPDX-License-Identifier: Apache-2.0 */
/* The family's address on the interface. */
#include <errno.h>
#include <linux/if_addr.h>
#include <stdlib.h>

#include "plugins/ipam/message.h"

/* More of our own addresses than this on one interface are removed over several calls. */
enum { STALE_MAXIMUM = 16 };

/* What the interface has, beside what it should have. */
struct survey {
	const struct ipam_agent *agent;
	uint32_t index;
	struct nx_prefix wanted; /* address.length 0: none */
	bool stands;
	struct nx_prefix stale[STALE_MAXIMUM]; /* our own that should not be there */
	size_t stale_count;
};

static bool prefix_same(const struct nx_services *services, const struct nx_prefix *a,
			const struct nx_prefix *b)
{
	return a->bits == b->bits && services->address->address_compare(&a->address, &b->address) == 0;
}

/* Tagged as ours; or, where the kernel keeps no tags, all but what the kernel gave the interface itself. */
static bool address_ours(const struct ipam_agent *agent, const struct ifaddrmsg *header,
			 const struct nlattr *protocol)
{
	uint8_t number;

	if (message_read_u8(protocol, &number))
		return number == IPAM_PROTOCOL;
	return !agent->tags_kept && header->ifa_scope != RT_SCOPE_LINK;
}

/* One answer of the dump. A kernel without IPv6 answers for IPv4, so that the family is looked at as well. */
static void survey_answer(void *context, const struct nlmsghdr *message)
{
	struct survey *survey = context;
	const struct ipam_agent *agent = survey->agent;
	const struct ifaddrmsg *header = message_header(message, sizeof(*header));
	const struct nlattr *attributes[IFA_PROTO + 1] = {NULL};
	struct nx_prefix found;

	if (message->nlmsg_type != RTM_NEWADDR || !header || header->ifa_family != agent->kernel->af ||
	    header->ifa_index != survey->index)
		return;
	message_attributes(message, sizeof(*header), attributes, IFA_PROTO);
	const struct nlattr *address =
		attributes[IFA_LOCAL] ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
	if (!message_read_address(address, agent->family->address_length, &found.address) ||
	    header->ifa_prefixlen > found.address.length * 8)
		return;
	found.bits = header->ifa_prefixlen;
	if (prefix_same(agent->services, &found, &survey->wanted))
		survey->stands = true;
	else if (address_ours(agent, header, attributes[IFA_PROTO]) && survey->stale_count < STALE_MAXIMUM)
		survey->stale[survey->stale_count++] = found;
}

static void survey_restart(void *context)
{
	struct survey *survey = context;

	survey->stands = false;
	survey->stale_count = 0;
}

static enum nx_status survey_take(struct survey *survey, struct nx_error *error)
{
	const struct ipam_agent *agent = survey->agent;
	const struct nx_netlink_handler handler = {
		.answer = survey_answer, .restart = survey_restart, .context = survey};
	struct message_batch batch = {.length = 0};
	struct nlmsghdr *message = message_begin(&batch, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);

	header->ifa_family = agent->kernel->af;
	message_end(&batch, message);
	return agent->services->agent->netlink(agent->host, NETLINK_ROUTE, batch.data, batch.length, &handler,
					       error);
}

/* What was asked of the kernel, in the order of the requests. */
struct change {
	uint16_t type; /* RTM_NEWADDR or RTM_DELADDR */
	struct nx_prefix address;
};

struct changes {
	const struct ipam_agent *agent;
	struct change list[STALE_MAXIMUM + 1];
	size_t count;
	enum nx_status status;
	struct nx_error *error;
};

static void change_put(struct message_batch *batch, const struct survey *survey, const struct change *change)
{
	bool add = change->type == RTM_NEWADDR;
	const struct ipam_kernel *kernel = survey->agent->kernel;
	struct nlmsghdr *message = message_begin(batch, change->type, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
						 sizeof(struct ifaddrmsg));
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);

	header->ifa_family = kernel->af;
	header->ifa_prefixlen = change->address.bits;
	header->ifa_flags = add ? kernel->address_flags : 0;
	header->ifa_scope = RT_SCOPE_UNIVERSE;
	header->ifa_index = survey->index;
	message_put_address(message, IFA_LOCAL, &change->address.address);
	message_put_address(message, IFA_ADDRESS, &change->address.address);
	if (add)
		mnl_attr_put_u8(message, IFA_PROTO, IPAM_PROTOCOL);
	message_end(batch, message);
}

static void change_acknowledge(void *context, size_t request, int number, const char *text)
{
	struct changes *changes = context;
	const struct change *change = &changes->list[request];
	bool add = change->type == RTM_NEWADDR;

	if (number == 0 || number == (add ? EEXIST : EADDRNOTAVAIL) || changes->status != NX_OK)
		return;
	changes->status = message_refused(changes->agent, add ? "set the address" : "remove the address",
					  &change->address, number, text, changes->error);
}

static void changes_add(struct changes *changes, uint16_t type, const struct nx_prefix *address)
{
	changes->list[changes->count++] = (struct change){type, *address};
}

/* The new address comes before the old ones go, so that there always is one; but the same address with
 * another prefix length must go first. */
static void changes_plan(const struct survey *survey, struct changes *changes)
{
	const struct nx_address_services *address = survey->agent->services->address;

	for (size_t i = 0; i < survey->stale_count; i++) {
		if (address->address_compare(&survey->stale[i].address, &survey->wanted.address) == 0)
			changes_add(changes, RTM_DELADDR, &survey->stale[i]);
	}
	if (survey->wanted.address.length && !survey->stands)
		changes_add(changes, RTM_NEWADDR, &survey->wanted);
	for (size_t i = 0; i < survey->stale_count; i++) {
		if (address->address_compare(&survey->stale[i].address, &survey->wanted.address) != 0)
			changes_add(changes, RTM_DELADDR, &survey->stale[i]);
	}
}

static enum nx_status changes_apply(const struct survey *survey, struct changes *changes,
				    struct nx_error *error)
{
	const struct ipam_agent *agent = survey->agent;
	const struct nx_netlink_handler handler = {.acknowledge = change_acknowledge, .context = changes};
	struct message_batch batch = {.length = 0};

	if (!changes->count)
		return NX_OK;
	for (size_t i = 0; i < changes->count; i++)
		change_put(&batch, survey, &changes->list[i]);
	enum nx_status status = agent->services->agent->netlink(agent->host, NETLINK_ROUTE, batch.data,
								batch.length, &handler, error);
	return status == NX_OK ? changes->status : status;
}

/* Remember what stands now, for the next change and for the routes. */
static void applied_remember(struct ipam_agent *agent, const struct nx_member_family *self)
{
	const struct nx_prefix none = {0};
	struct nx_prefix connected = self->present && agent->kernel->on_link ? self->organization : none;

	if (!prefix_same(agent->services, &connected, &agent->connected))
		agent->connected_wanted = false;
	agent->connected = connected;
}

enum nx_status ipam_address_apply(void *instance, int interface_index, const struct nx_member_family *self,
				  struct nx_error *error)
{
	struct ipam_agent *agent = instance;
	struct survey survey = {.agent = agent, .index = (uint32_t)interface_index};
	struct changes changes = {.agent = agent, .error = error};

	if (self->present) {
		survey.wanted.address = self->address;
		survey.wanted.bits = agent->kernel->on_link ? self->organization.bits
							    : (uint8_t)(self->address.length * 8);
	}
	enum nx_status status = survey_take(&survey, error);
	if (status == NX_OK) {
		changes_plan(&survey, &changes);
		status = changes_apply(&survey, &changes, error);
	}
	if (status == NX_OK)
		applied_remember(agent, self);
	return status;
}
