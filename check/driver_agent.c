/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the agent half of "driver/…", as far as they need no kernel: its key, and how it fails. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nexodus/driver.h>

#include "base/error.h"
#include "base/memory.h"
#include "check/agent_host.h"
#include "check/check.h"

static const struct nx_driver_ops *ops_of(const struct check *check)
{
	return check->capability->ops;
}

static bool key_ask(struct check *check, const char *directory, char out[static NX_PUBLIC_KEY_TEXT])
{
	struct journal_call *call = journal_begin(check->journal, "public_key", NULL);
	struct nx_error error = {0};

	memset(out, 0xa5, NX_PUBLIC_KEY_TEXT);
	call->status =
		ops_of(check)->public_key(check->capability->provider->instance, directory, out, &error);
	call->done = true;
	if (call->status)
		return check_fail(check, "expected a public key, found: %s", error.message);
	return (memchr(out, '\0', NX_PUBLIC_KEY_TEXT) && *out) ||
	       check_fail(check, "expected a public key of 1 to %d bytes, found none",
			  NX_PUBLIC_KEY_TEXT - 1);
}

static void close_stream(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}

/* Whoever can read the key is this host. */
static bool files_judge(struct check *check, const char *path)
{
	NX_CLEANUP(close_stream) DIR *stream = opendir(path);
	const struct dirent *entry;
	struct stat facts;
	unsigned int files = 0;

	while (stream && (entry = readdir(stream))) {
		if (fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(facts.st_mode))
			continue;
		files++;
		if (facts.st_mode & 077)
			return check_fail(
				check,
				"expected that only its owner reads the file %s in the state directory, "
				"found mode %04o",
				entry->d_name, facts.st_mode & 07777);
	}
	return files || check_fail(check, "expected the key in a file of the state directory, found none");
}

static void check_key(struct check *check)
{
	NX_AUTO_FREE char *mine = nx_printf("%s/key", check->state_directory);
	NX_AUTO_FREE char *other = nx_printf("%s/other", check->state_directory);
	char first[NX_PUBLIC_KEY_TEXT], again[NX_PUBLIC_KEY_TEXT];

	if (mkdir(mine, 0700) != 0 || mkdir(other, 0700) != 0) {
		check_fail(check, "expected folders for two hosts in %s, found none", check->state_directory);
		return;
	}
	umask(0);
	if (!key_ask(check, mine, first) || !key_ask(check, mine, again) || !files_judge(check, mine))
		return;
	if (strcmp(first, again) != 0)
		check_fail(check, "expected the same key of a host twice, found another");
	else if (key_ask(check, other, again) && strcmp(first, again) == 0)
		check_fail(check, "expected that another host has another key, found the same");
}

/* On a host whose kernel refuses everything. */
static void check_refused(struct check *check)
{
	void *instance = check->capability->provider->instance;
	const struct nx_interface_request request = {
		.size = sizeof(request),
		.name = AGENT_HOST_INTERFACE,
		.state_directory = check->state_directory,
	};
	struct nx_interface out, before;
	struct nx_error error = {0};

	memset(&before, 0xa5, sizeof(before));
	before.size = sizeof(before);
	memcpy(&out, &before, sizeof(out));
	if (ops_of(check)->interface_stands(instance))
		check_fail(check,
			   "expected that no interface stands before one was made, found that one does");
	if (ops_of(check)->interface_up(instance, &request, &out, &error) == NX_OK)
		check_skip(check, "it needs neither netlink nor a program to bring its interface up");
	else if (!error.message[0])
		check_fail(check, "expected a message where the kernel refuses everything, found none");
	else if (!check_bytes_same(&out, &before, sizeof(out)))
		check_fail(
			check,
			"expected that interface_up leaves its output alone when it fails, found that it was "
			"written");
	else if (ops_of(check)->interface_stands(instance))
		check_fail(check, "expected that no interface stands after a failure, found that one does");
	ops_of(check)->interface_down(instance);
}

static void check_facts(struct check *check)
{
	const struct nx_driver_ops *ops = ops_of(check);

	if (ops->mtu_default && (ops->mtu_default < 576 || ops->mtu_default > 65535))
		check_fail(check, "expected a default MTU of 576 to 65535 bytes, found %u", ops->mtu_default);
	if (ops->overhead > 1000)
		check_fail(check, "expected the bytes that the tunnel adds to a packet, found %u",
			   ops->overhead);
}

const struct check_case driver_agent_cases[] = {
	{"facts", "overhead and default MTU", check_facts},
	{"key", "a host's key is its own, stays, and is nobody else's to read", check_key},
	{"refused", "a host whose kernel refuses everything", check_refused},
	{0},
};
