/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kinds.h"

#include <string.h>

#include <nexodus/driver.h>
#include <nexodus/family.h>
#include <nexodus/ipam.h>
#include <nexodus/relay.h>
#include <nexodus/strategy.h>

#include "base/memory.h"

#define MEMBER(type, member)                                                                                 \
	{                                                                                                    \
#member, offsetof(struct type, member)                                                       \
	}

static const struct nx_kind_member ipam_members[] = {
	MEMBER(nx_ipam_ops, label),	   MEMBER(nx_ipam_ops, prefix_default),
	MEMBER(nx_ipam_ops, prefix_check), MEMBER(nx_ipam_ops, pool_open),
	MEMBER(nx_ipam_ops, pool_close),   MEMBER(nx_ipam_ops, pool_allocate),
	MEMBER(nx_ipam_ops, pool_take),	   MEMBER(nx_ipam_ops, pool_give),
	MEMBER(nx_ipam_ops, pool_usage),   MEMBER(nx_ipam_ops, network_check),
};

static const struct nx_kind_member strategy_members[] = {
	MEMBER(nx_strategy_ops, label),
	MEMBER(nx_strategy_ops, choose),
};

static const struct nx_kind_member relay_server_members[] = {
	MEMBER(nx_relay_server_ops, device_check),
};

static const struct nx_kind_member driver_server_members[] = {
	MEMBER(nx_driver_server_ops, key_check),
};

static const struct nx_kind_member family_members[] = {
	MEMBER(nx_family_ops, label),	      MEMBER(nx_family_ops, supported),
	MEMBER(nx_family_ops, read),	      MEMBER(nx_family_ops, describe_self),
	MEMBER(nx_family_ops, address_apply), MEMBER(nx_family_ops, routes_observe),
	MEMBER(nx_family_ops, routes_apply),  MEMBER(nx_family_ops, source_address),
	MEMBER(nx_family_ops, network_check),
};

static const struct nx_kind_member relay_members[] = {
	MEMBER(nx_relay_ops, standing),	     MEMBER(nx_relay_ops, describe_wishes),
	MEMBER(nx_relay_ops, describe_self), MEMBER(nx_relay_ops, prefer),
	MEMBER(nx_relay_ops, carrier),	     MEMBER(nx_relay_ops, plan),
	MEMBER(nx_relay_ops, forward),
};

static const struct nx_kind_member driver_members[] = {
	MEMBER(nx_driver_ops, public_key),	 MEMBER(nx_driver_ops, interface_up),
	MEMBER(nx_driver_ops, interface_stands), MEMBER(nx_driver_ops, peers_observe),
	MEMBER(nx_driver_ops, peers_apply),	 MEMBER(nx_driver_ops, peers_status),
	MEMBER(nx_driver_ops, interface_down),
};

#define KIND(role, name, ops, members)                                                                       \
	{                                                                                                    \
		role, name, sizeof(struct ops), members, NX_COUNT(members)                                   \
	}

static const struct nx_kind kinds[] = {
	KIND(NX_ROLE_SERVER, "ipam", nx_ipam_ops, ipam_members),
	KIND(NX_ROLE_SERVER, "strategy", nx_strategy_ops, strategy_members),
	KIND(NX_ROLE_SERVER, "relay", nx_relay_server_ops, relay_server_members),
	KIND(NX_ROLE_SERVER, "driver", nx_driver_server_ops, driver_server_members),
	KIND(NX_ROLE_AGENT, "family", nx_family_ops, family_members),
	KIND(NX_ROLE_AGENT, "relay", nx_relay_ops, relay_members),
	KIND(NX_ROLE_AGENT, "driver", nx_driver_ops, driver_members),
};

const struct nx_kind *nx_kind_find(enum nx_role role, const char *name)
{
	for (size_t i = 0; i < NX_COUNT(kinds); i++) {
		if (kinds[i].role == role && strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

const char *nx_kind_missing(const struct nx_kind *kind, const void *ops)
{
	size_t size;

	memcpy(&size, ops, sizeof(size));
	for (size_t i = 0; i < kind->member_count; i++) {
		const struct nx_kind_member *member = &kind->members[i];
		const void *pointer = NULL;

		if (member->offset + sizeof(pointer) <= size)
			memcpy(&pointer, (const char *)ops + member->offset, sizeof(pointer));
		if (!pointer)
			return member->name;
	}
	return NULL;
}
