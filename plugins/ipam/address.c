/* SPDX-License-Identifier: Apache-2.0 */
/* The family's address on the interface. */
#include <errno.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/message.h"

/* More of our own addresses than this on one interface are removed over several calls. */
enum { STALE_MAXIMUM = 16 };

/* An address that the interface is to have. */
struct own {
	struct nx_prefix address; /* with the length that a new one gets */
	bool second;		  /* not to be a source where there is a choice */
	bool stands;
	uint8_t bits;	/* the length that it stands with */
	uint32_t flags; /* IFA_F_… that it stands with */
};

/* What the interface has, beside what it should have. */
struct survey {
	const struct ipam_agent *agent;
	uint32_t index;
	struct own own[IPAM_ADDRESSES];
	size_t own_count;
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

/*
 * The one of ours that this is. On link the same address with another length is the one: the kernel could
 * only take it away and make it anew, and its packets would find none in between.
 */
static struct own *own_find(struct survey *survey, const struct nx_prefix *found)
{
	const struct ipam_agent *agent = survey->agent;

	for (size_t i = 0; i < survey->own_count; i++) {
		const struct nx_prefix *wanted = &survey->own[i].address;

		if (prefix_same(agent->services, found, wanted) ||
		    (agent->kernel->on_link &&
		     agent->services->address->address_compare(&found->address, &wanted->address) == 0))
			return &survey->own[i];
	}
	return NULL;
}

static void own_stands(struct own *own, const struct ifaddrmsg *header, const struct nlattr *flags)
{
	own->stands = true;
	own->bits = header->ifa_prefixlen;
	own->flags = header->ifa_flags;
	message_read_u32(flags, &own->flags);
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
	struct own *own = own_find(survey, &found);
	if (own)
		own_stands(own, header, attributes[IFA_FLAGS]);
	else if (address_ours(agent, header, attributes[IFA_PROTO]) && survey->stale_count < STALE_MAXIMUM)
		survey->stale[survey->stale_count++] = found;
}

static void survey_restart(void *context)
{
	struct survey *survey = context;

	for (size_t i = 0; i < survey->own_count; i++)
		survey->own[i].stands = false;
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
	uint16_t type;	/* RTM_NEWADDR or RTM_DELADDR */
	uint16_t how;	/* NLM_F_… of a new one: to be made, or changed as it stands */
	uint32_t flags; /* IFA_F_… of a new one */
	bool second;
	struct nx_prefix address;
};

struct changes {
	const struct ipam_agent *agent;
	struct change list[STALE_MAXIMUM + 2 * IPAM_ADDRESSES];
	size_t count;
	enum nx_status status;
	struct nx_error *error;
};

/* A second address is deprecated from the beginning (RFC 4862 §5.5.4): it takes all packets, and no
 * connection is begun from it. IPv4 knows no such thing; its routes name their source. */
static void lifetime_put(struct nlmsghdr *message, const struct change *change)
{
	const struct ifa_cacheinfo lifetime = {
		.ifa_prefered = change->second ? 0 : UINT32_MAX,
		.ifa_valid = UINT32_MAX,
	};

	mnl_attr_put_u32(message, IFA_FLAGS, change->flags);
	mnl_attr_put(message, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
}

static void change_put(struct message_batch *batch, const struct survey *survey, const struct change *change)
{
	bool add = change->type == RTM_NEWADDR;
	const struct ipam_kernel *kernel = survey->agent->kernel;
	struct nlmsghdr *message = message_begin(batch, change->type, change->how, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);

	header->ifa_family = kernel->af;
	header->ifa_prefixlen = change->address.bits;
	header->ifa_flags = (uint8_t)change->flags;
	header->ifa_scope = RT_SCOPE_UNIVERSE;
	header->ifa_index = survey->index;
	message_put_address(message, IFA_LOCAL, &change->address.address);
	message_put_address(message, IFA_ADDRESS, &change->address.address);
	if (add && kernel->on_link)
		lifetime_put(message, change);
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

static void change_remove(struct changes *changes, const struct nx_prefix *address)
{
	changes->list[changes->count++] = (struct change){.type = RTM_DELADDR, .address = *address};
}

static bool own_same(const struct survey *survey, const struct nx_address *address)
{
	for (size_t i = 0; i < survey->own_count; i++) {
		if (survey->agent->services->address->address_compare(address,
								      &survey->own[i].address.address) == 0)
			return true;
	}
	return false;
}

/* The prefix that the kernel routes because of an address with this length. */
static struct nx_prefix connected_of(const struct survey *survey, const struct own *own)
{
	const struct nx_prefix standing = {own->address.address, own->stands ? own->bits : own->address.bits};

	return survey->agent->services->address->prefix_mask(&standing);
}

/* Is that one of the organization's? After it grew or shrank, an address that was kept has the old length
 * still. */
static bool connected_fit(const struct survey *survey, const struct own *own,
			  const struct nx_prefix organizations[static IPAM_ADDRESSES])
{
	const struct nx_prefix connected = connected_of(survey, own);

	for (size_t i = 0; i < IPAM_ADDRESSES; i++) {
		if (prefix_same(survey->agent->services, &connected, &organizations[i]))
			return true;
	}
	return false;
}

/* An address that stands: is it to be one that the kernel prefers, or not, and does it make a route that is
 * right? */
static void own_correct(const struct survey *survey, const struct own *own, bool fit, struct changes *changes)
{
	bool deprecated = own->flags & IFA_F_DEPRECATED, bare = own->flags & IFA_F_NOPREFIXROUTE;
	uint32_t flags = survey->agent->kernel->address_flags | (fit && !bare ? 0 : IFA_F_NOPREFIXROUTE);

	if (!survey->agent->kernel->on_link || (deprecated == own->second && (fit || bare)))
		return;
	changes->list[changes->count++] = (struct change){
		.type = RTM_NEWADDR,
		.how = NLM_F_REPLACE,
		.flags = flags,
		.second = own->second,
		.address = {own->address.address, own->bits},
	};
}

static void own_make(const struct survey *survey, const struct own *own, struct changes *changes)
{
	changes->list[changes->count++] = (struct change){
		.type = RTM_NEWADDR,
		.how = NLM_F_CREATE | NLM_F_EXCL,
		.flags = survey->agent->kernel->address_flags,
		.second = own->second,
		.address = own->address,
	};
}

/* New addresses come before old ones go, so that there always is one; but where the kernel has an address but
 * once for each length, the same with another length must go first. */
static void changes_plan(const struct survey *survey,
			 const struct nx_prefix organizations[static IPAM_ADDRESSES], struct changes *changes)
{
	for (size_t i = 0; i < survey->stale_count; i++) {
		if (own_same(survey, &survey->stale[i].address))
			change_remove(changes, &survey->stale[i]);
	}
	for (size_t i = 0; i < survey->own_count; i++) {
		const struct own *own = &survey->own[i];

		if (own->stands)
			own_correct(survey, own, connected_fit(survey, own, organizations), changes);
		else
			own_make(survey, own, changes);
	}
	for (size_t i = 0; i < survey->stale_count; i++) {
		if (!own_same(survey, &survey->stale[i].address))
			change_remove(changes, &survey->stale[i]);
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

static bool connected_wanted(const struct ipam_agent *agent, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < IPAM_ADDRESSES; i++) {
		if (prefix_same(agent->services, &agent->connected[i].prefix, prefix))
			return agent->connected[i].wanted;
	}
	return false;
}

/* Remember what the kernel routes now because of our addresses, for the next change and for the routes. */
static void applied_remember(struct ipam_agent *agent, const struct survey *survey,
			     const struct nx_prefix organizations[static IPAM_ADDRESSES])
{
	struct ipam_connected connected[IPAM_ADDRESSES] = {0};

	for (size_t i = 0; agent->kernel->on_link && i < survey->own_count; i++) {
		const struct own *own = &survey->own[i];

		if (!connected_fit(survey, own, organizations) ||
		    (own->stands && (own->flags & IFA_F_NOPREFIXROUTE)))
			continue;
		connected[i].prefix = connected_of(survey, own);
		connected[i].wanted = connected_wanted(agent, &connected[i].prefix);
	}
	memcpy(agent->connected, connected, sizeof(connected));
}

static void own_add(struct survey *survey, const struct nx_member_family *facts, bool second)
{
	uint8_t whole = (uint8_t)(facts->address.length * 8);

	/* The first one again, in another prefix, is one address. */
	if (!facts->present || own_same(survey, &facts->address))
		return;
	survey->own[survey->own_count++] = (struct own){
		.address = {facts->address,
			    survey->agent->kernel->on_link ? facts->organization.bits : whole},
		.second = second,
	};
}

enum nx_status ipam_addresses_apply(void *instance, int interface_index, const struct nx_member_family *self,
				    const struct nx_member_family *second, struct nx_error *error)
{
	struct ipam_agent *agent = instance;
	struct survey survey = {.agent = agent, .index = (uint32_t)interface_index};
	struct changes changes = {.agent = agent, .error = error};
	const struct nx_prefix none = {0};
	const struct nx_prefix organizations[IPAM_ADDRESSES] = {
		self->present ? self->organization : none,
		second->present ? second->organization : none,
	};

	own_add(&survey, self, false);
	own_add(&survey, second, true);
	enum nx_status status = survey_take(&survey, error);
	if (status == NX_OK) {
		changes_plan(&survey, organizations, &changes);
		status = changes_apply(&survey, &changes, error);
	}
	if (status == NX_OK)
		applied_remember(agent, &survey, organizations);
	return status;
}

enum nx_status ipam_address_apply(void *instance, int interface_index, const struct nx_member_family *self,
				  struct nx_error *error)
{
	const struct nx_member_family none = {0};

	return ipam_addresses_apply(instance, interface_index, self, &none, error);
}
