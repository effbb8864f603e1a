/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam-v6/diagnose.h"

#include <glob.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/ipam-v6/support.h"

enum {
	MTU_MINIMUM = 1280, /* RFC 8200 §5 */
	TEXT_ROOM = 512,
};

static void say(const struct nx_diagnosis *diagnosis, const char *check, enum nx_verdict verdict,
		const char *what, const char *remedy)
{
	const struct nx_finding finding = {
		.size = sizeof(finding), .check = check, .verdict = verdict, .what = what, .remedy = remedy};

	diagnosis->report(diagnosis->context, &finding);
}

/* Is the key of that length the switch of `scope`? Both separators of sysctl.d(5) will do. */
static bool key_is(const char *key, size_t length, const char *scope)
{
	char wanted[TEXT_ROOM];

	if ((size_t)snprintf(wanted, sizeof(wanted), "net.ipv6.conf.%s.disable_ipv6", scope) != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (strchr("./", wanted[i]) ? !strchr("./", key[i]) : wanted[i] != key[i])
			return false;
	}
	return true;
}

/* A setting other than 0 of what is switched off there, not in a comment; interfaces inherit from "default".
 */
static bool line_switches_off(const char *line, const char *scope)
{
	const char *key = line + strspn(line, " \t-"), *value = strchr(key, '=');
	size_t length = strcspn(key, " \t=");

	if (!value || value[1 + strspn(value + 1, " \t")] != '1')
		return false;
	return key_is(key, length, scope) || key_is(key, length, "all") || key_is(key, length, "*") ||
	       (strcmp(scope, "all") != 0 && key_is(key, length, "default"));
}

static bool file_switches_off(const char *path, const char *scope)
{
	char line[TEXT_ROOM];
	bool found = false;
	FILE *file = fopen(path, "re");

	while (file && !found && fgets(line, sizeof(line), file))
		found = line_switches_off(line, scope);
	if (file)
		fclose(file);
	return found;
}

/* The file of sysctl.d(5) that switches IPv6 off, the one that counts most first. */
static bool culprit_find(const char *root, const char *scope, char *out, size_t room)
{
	static const char *const patterns[] = {"/etc/sysctl.conf", "/etc/sysctl.d/*.conf",
					       "/run/sysctl.d/*.conf", "/usr/local/lib/sysctl.d/*.conf",
					       "/usr/lib/sysctl.d/*.conf"};
	bool found = false;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && !found; i++) {
		char pattern[TEXT_ROOM];
		glob_t files = {0};

		snprintf(pattern, sizeof(pattern), "%s%s", root, patterns[i]);
		if (glob(pattern, 0, NULL, &files) == 0) {
			for (size_t j = 0; j < files.gl_pathc && !found; j++) {
				found = file_switches_off(files.gl_pathv[j], scope);
				if (found)
					snprintf(out, room, "%s", files.gl_pathv[j] + strlen(root));
			}
		}
		globfree(&files);
	}
	return found;
}

static bool kernel_has_none(const char *root)
{
	char path[TEXT_ROOM];

	snprintf(path, sizeof(path), "%s/proc/net/if_inet6", root);
	return access(path, F_OK) != 0;
}

static void absence_tell(const struct nx_diagnosis *diagnosis)
{
	say(diagnosis, "ipv6", NX_VERDICT_WARNING,
	    "the kernel runs without IPv6 (it was booted with ipv6.disable=1?)",
	    "Take ipv6.disable=1 out of the kernel's command line (GRUB_CMDLINE_LINUX in /etc/default/grub, "
	    "then update-grub) and boot again, if this host is to have IPv6.");
}

static void switch_tell(const char *root, const char *scope, const struct nx_diagnosis *diagnosis)
{
	char what[TEXT_ROOM], remedy[TEXT_ROOM + 256], file[TEXT_ROOM];

	snprintf(what, sizeof(what), "IPv6 is switched off: net.ipv6.conf.%s.disable_ipv6 is 1", scope);
	if (culprit_find(root, scope, file, sizeof(file)))
		snprintf(
			remedy, sizeof(remedy),
			"Take disable_ipv6 out of %s and set it to 0 with sysctl -w, if this host is to have "
			"IPv6.",
			file);
	else
		snprintf(remedy, sizeof(remedy),
			 "Set it to 0 with sysctl -w, if this host is to have IPv6; no file below "
			 "/etc/sysctl.d sets it.");
	say(diagnosis, "ipv6", NX_VERDICT_WARNING, what, remedy);
}

/* The MTU of an interface that stands; 0: there is none. */
static int mtu_read(const char *interface)
{
	struct ifreq request = {0};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		return 0;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	bool known = ioctl(descriptor, SIOCGIFMTU, &request) == 0;
	close(descriptor);
	return known ? request.ifr_mtu : 0;
}

static void mtu_tell(const struct nx_diagnosis *diagnosis)
{
	int mtu = mtu_read(diagnosis->interface);
	char what[TEXT_ROOM];

	if (!mtu)
		mtu = (int)diagnosis->mtu;
	if (mtu && mtu < MTU_MINIMUM) {
		snprintf(what, sizeof(what), "the MTU of %s is %d, and IPv6 needs %d", diagnosis->interface,
			 mtu, MTU_MINIMUM);
		say(diagnosis, "mtu", NX_VERDICT_PROBLEM, what,
		    "Set mtu to 1280 or more, or leave it to nexd (mtu 0).");
		return;
	}
	say(diagnosis, "mtu", NX_VERDICT_OK, "the tunnel's MTU is large enough for IPv6", "");
}

void ipam_v6_diagnose(const char *root, const struct nx_diagnosis *diagnosis)
{
	const char *scope = ipam_v6_switch(root, diagnosis->interface);

	if (kernel_has_none(root)) {
		absence_tell(diagnosis);
	} else if (scope) {
		switch_tell(root, scope, diagnosis);
	} else {
		say(diagnosis, "ipv6", NX_VERDICT_OK, "this host can do IPv6", "");
		mtu_tell(diagnosis);
	}
}
