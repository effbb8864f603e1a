/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/wireguard.h>

#include "backend.h"
#include "cleanup.h"
#include "link.h"

enum { TEXT_ROOM = 320 };

static void say(const struct nx_diagnosis *diagnosis, const char *check, enum nx_verdict verdict,
		const char *what, const char *remedy)
{
	const struct nx_finding finding = {
		.size = sizeof(finding), .check = check, .verdict = verdict, .what = what, .remedy = remedy};

	diagnosis->report(diagnosis->context, &finding);
}

/* --- what could carry the tunnel ------------------------------------------------------- */

/* A module that is there is loaded when it is first asked for. */
static bool module_installed(void)
{
	struct utsname system;
	char path[TEXT_ROOM];

	if (uname(&system) != 0)
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/kernel/drivers/net/wireguard", system.release);
	return access(path, F_OK) == 0;
}

static bool kernel_can(const struct wg_driver *driver)
{
	uint16_t family;

	return driver->services->agent->genl_family(driver->host, WG_GENL_NAME, &family, NULL) == NX_OK ||
	       module_installed();
}

static bool program_installed(const struct wg_driver *driver)
{
	static const char *const directories[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
	char path[TEXT_ROOM];

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directories[i], driver->program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void tunnel_tell(const struct wg_driver *driver, const struct nx_diagnosis *diagnosis)
{
	const bool kernel = kernel_can(driver), program = program_installed(driver);
	char what[TEXT_ROOM];

	if (kernel) {
		say(diagnosis, "wireguard", NX_VERDICT_OK, "this kernel has WireGuard", "");
	} else if (!program) {
		snprintf(what, sizeof(what),
			 "this kernel has no WireGuard, and the program %s is not installed",
			 driver->program);
		say(diagnosis, "wireguard", NX_VERDICT_PROBLEM, what,
		    "Install a kernel with the module wireguard, or the package wireguard-go.");
	} else if (access("/dev/net/tun", F_OK) != 0) {
		say(diagnosis, "wireguard", NX_VERDICT_PROBLEM,
		    "this kernel has no WireGuard, and wireguard-go lacks /dev/net/tun",
		    "Load the module tun (modprobe tun), or give this container the device.");
	} else {
		say(diagnosis, "wireguard", NX_VERDICT_WARNING,
		    "this kernel has no WireGuard: the slower wireguard-go carries the tunnel",
		    "For more speed, use a kernel with the module wireguard.");
	}
}

/* --- whose the port is -------------------------------------------------------------------- */

/* The inode of the UDP socket that holds the port; 0: none is listed. */
static uint64_t socket_find(const char *table, uint16_t port)
{
	char line[TEXT_ROOM];
	uint64_t found = 0;
	FILE *file = fopen(table, "re");

	while (file && !found && fgets(line, sizeof(line), file)) {
		char local[8], inode[24];

		if (sscanf(line, " %*d: %*[0-9A-F]:%7s %*s %*s %*s %*s %*s %*s %*s %23s", local, inode) ==
			    2 &&
		    strtoul(local, NULL, 16) == port)
			found = strtoull(inode, NULL, 10);
	}
	if (file)
		fclose(file);
	return found;
}

static bool process_holds(const char *process, const char *wanted)
{
	char path[TEXT_ROOM], link[64];
	const struct dirent *entry;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	DIR *folder = opendir(path);
	while (folder && !found && (entry = readdir(folder))) {
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);

		link[length > 0 ? length : 0] = '\0';
		found = strcmp(link, wanted) == 0;
	}
	if (folder)
		closedir(folder);
	return found;
}

static void name_read(const char *process, char *out, size_t room)
{
	char path[TEXT_ROOM], name[32] = "";

	snprintf(path, sizeof(path), "/proc/%s/comm", process);
	FILE *file = fopen(path, "re");
	if (file && !fgets(name, sizeof(name), file))
		*name = '\0';
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
	snprintf(out, room, "%s (process %s)", *name ? name : "a program", process);
}

/* The holder of a socket, as far as we may look; "another program" otherwise. */
static void holder_find(uint64_t inode, char *out, size_t room)
{
	char wanted[64];
	const struct dirent *entry;
	DIR *folder = opendir("/proc");
	bool found = false;

	snprintf(out, room, "another program");
	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	while (folder && inode && !found && (entry = readdir(folder))) {
		if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name))
			continue;
		found = process_holds(entry->d_name, wanted);
		if (found)
			name_read(entry->d_name, out, room);
	}
	if (folder)
		closedir(folder);
}

/* Can it be had, in each family that the kernel knows? */
static bool port_free(uint16_t port)
{
	const struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int first WG_AUTO_CLOSE = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int second WG_AUTO_CLOSE = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (first >= 0 && bind(first, (const struct sockaddr *)&inet, sizeof(inet)) != 0 &&
	    errno == EADDRINUSE)
		return false;
	if (second < 0 || setsockopt(second, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return true;
	return bind(second, (const struct sockaddr *)&inet6, sizeof(inet6)) == 0 || errno != EADDRINUSE;
}

static void port_taken_tell(const struct nx_diagnosis *diagnosis)
{
	uint64_t inode = socket_find("/proc/net/udp", diagnosis->listen_port);
	char holder[96], what[TEXT_ROOM];

	if (!inode)
		inode = socket_find("/proc/net/udp6", diagnosis->listen_port);
	holder_find(inode, holder, sizeof(holder));
	snprintf(what, sizeof(what), "UDP port %u, which the tunnel is to use, is held by %s",
		 diagnosis->listen_port, holder);
	say(diagnosis, "port", NX_VERDICT_PROBLEM, what,
	    "End that program, or give nexd another listen-port (0 for any).");
}

static void port_tell(const struct nx_diagnosis *diagnosis, bool stands)
{
	if (!diagnosis->listen_port)
		say(diagnosis, "port", NX_VERDICT_OK, "the tunnel takes any port that is free", "");
	else if (stands)
		say(diagnosis, "port", NX_VERDICT_OK, "the tunnel's interface stands, and has its port", "");
	else if (port_free(diagnosis->listen_port))
		say(diagnosis, "port", NX_VERDICT_OK, "the tunnel's port is free", "");
	else
		port_taken_tell(diagnosis);
}

/* --- whose the interface's name is ---------------------------------------------------------- */

static bool kind_fits(const struct wg_link *link)
{
	return strcmp(link->kind, wg_backend_kernel.link_kind) == 0 ||
	       strcmp(link->kind, wg_backend_userspace.link_kind) == 0;
}

static void stranger_tell(const struct nx_diagnosis *diagnosis, const struct wg_link *link)
{
	char what[TEXT_ROOM], remedy[TEXT_ROOM];

	snprintf(what, sizeof(what),
		 "interface %s exists and is of kind %s, no WireGuard: nexd does not touch it",
		 diagnosis->interface, *link->kind ? link->kind : "none");
	snprintf(remedy, sizeof(remedy), "Give nexd another interface, or remove it (ip link delete %s).",
		 diagnosis->interface);
	say(diagnosis, "interface", NX_VERDICT_PROBLEM, what, remedy);
}

/* Does the tunnel's interface stand, as far as can be seen without its key? */
static bool interface_tell(const struct wg_driver *driver, const struct nx_diagnosis *diagnosis)
{
	struct wg_link link;

	if (wg_link_find(driver, diagnosis->interface, &link, NULL) != NX_OK) {
		say(diagnosis, "interface", NX_VERDICT_OK, "the name of the tunnel's interface is free", "");
		return false;
	}
	if (!kind_fits(&link)) {
		stranger_tell(diagnosis, &link);
		return false;
	}
	say(diagnosis, "interface", NX_VERDICT_OK, "the tunnel's interface stands", "");
	return true;
}

void wg_diagnose(const struct wg_driver *driver, const struct nx_diagnosis *diagnosis)
{
	tunnel_tell(driver, diagnosis);
	port_tell(diagnosis, interface_tell(driver, diagnosis));
}
