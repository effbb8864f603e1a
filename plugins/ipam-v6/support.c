/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam-v6/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PATH_ROOM = 512,
	MTU_LEAST = 1280, /* of a link that carries IPv6 (RFC 8200 §5) */
};

enum setting {
	SETTING_ABSENT = -1,
	SETTING_OFF = 0, /* disable_ipv6 is 0 */
	SETTING_ON = 1,
};

static enum setting disable_ipv6(const char *root, const char *interface)
{
	char path[PATH_ROOM], value = '0';

	snprintf(path, sizeof(path), "%s/proc/sys/net/ipv6/conf/%s/disable_ipv6", root, interface);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return SETTING_ABSENT;
	ssize_t got = read(descriptor, &value, 1);
	close(descriptor);
	return got == 1 && value != '0' ? SETTING_ON : SETTING_OFF;
}

/* A kernel takes IPv6 off an interface whose packets are too small for it, and says nothing. */
static bool packets_too_small(const char *root, const char *interface)
{
	char path[PATH_ROOM], text[16] = "";

	snprintf(path, sizeof(path), "%s/sys/class/net/%s/mtu", root, interface);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return false;
	ssize_t got = read(descriptor, text, sizeof(text) - 1);
	close(descriptor);
	return got > 0 && strtoul(text, NULL, 10) < MTU_LEAST;
}

const char *ipam_v6_switch(const char *root, const char *interface)
{
	const char *name = "all";
	enum setting setting = disable_ipv6(root, name);

	if (setting != SETTING_ON) {
		name = interface;
		setting = disable_ipv6(root, name);
	}
	if (setting == SETTING_ABSENT) {
		name = "default";
		setting = disable_ipv6(root, name);
	}
	return setting == SETTING_ON ? name : NULL;
}

bool ipam_v6_supported(const char *root, const char *interface, char reason[static 160])
{
	char path[PATH_ROOM];

	reason[0] = '\0';
	snprintf(path, sizeof(path), "%s/proc/net/if_inet6", root);
	if (access(path, F_OK) != 0) {
		snprintf(reason, 160, "the kernel runs without IPv6 (it was booted with ipv6.disable=1?)");
		return false;
	}
	const char *name = ipam_v6_switch(root, interface);
	if (name)
		snprintf(reason, 160, "IPv6 is switched off: net.ipv6.conf.%s.disable_ipv6 is 1", name);
	else if (packets_too_small(root, interface))
		snprintf(reason, 160, "the MTU of %s is below %d, the least that IPv6 takes", interface,
			 MTU_LEAST);
	return !*reason;
}
