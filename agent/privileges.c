/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/privileges.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "base/memory.h"

static const cap_value_t needed[] = {CAP_NET_ADMIN, CAP_NET_RAW};

static void capabilities_free(const cap_t *capabilities)
{
	if (*capabilities)
		cap_free(*capabilities);
}

static bool is_needed(cap_value_t capability)
{
	for (size_t i = 0; i < NX_COUNT(needed); i++) {
		if (needed[i] == capability)
			return true;
	}
	return false;
}

static bool is_permitted(cap_t capabilities, cap_value_t capability)
{
	cap_flag_value_t flag = CAP_CLEAR;

	return cap_get_flag(capabilities, capability, CAP_PERMITTED, &flag) == 0 && flag == CAP_SET;
}

/* Without CAP_SETPCAP the bounding set stays: then no_new_privs alone is what holds. */
static bool bounds_cut(cap_t now)
{
	if (!is_permitted(now, CAP_SETPCAP))
		return true;
	for (cap_value_t i = 0; cap_get_bound(i) >= 0; i++) {
		if (!is_needed(i) && cap_get_bound(i) == CAP_SET && cap_drop_bound(i) != 0)
			return false;
	}
	return true;
}

/* What is needed of `now`, inheritable too, which being ambient takes. */
static bool sets_cut(cap_t now)
{
	NX_CLEANUP(capabilities_free) cap_t kept = cap_init();

	if (!kept)
		return false;
	for (size_t i = 0; i < NX_COUNT(needed); i++) {
		if (is_permitted(now, needed[i]) &&
		    (cap_set_flag(kept, CAP_PERMITTED, 1, &needed[i], CAP_SET) != 0 ||
		     cap_set_flag(kept, CAP_EFFECTIVE, 1, &needed[i], CAP_SET) != 0 ||
		     cap_set_flag(kept, CAP_INHERITABLE, 1, &needed[i], CAP_SET) != 0))
			return false;
	}
	/* A sandbox that has seen to it already may forbid the call. */
	return cap_compare(now, kept) == 0 || cap_set_proc(kept) == 0;
}

static bool ambient_set(cap_t now)
{
	if (cap_reset_ambient() != 0)
		return false;
	for (size_t i = 0; i < NX_COUNT(needed); i++) {
		if (is_permitted(now, needed[i]) && cap_set_ambient(needed[i], CAP_SET) != 0)
			return false;
	}
	return true;
}

enum nx_status nx_privileges_drop(struct nx_error *error)
{
	NX_CLEANUP(capabilities_free) cap_t now = cap_get_proc();

	if (now && bounds_cut(now) && sets_cut(now) && ambient_set(now) &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return NX_OK;
	return nx_fail(error, NX_DENIED, NULL, "privileges that are not needed cannot be given up: %s",
		       strerror(errno));
}
