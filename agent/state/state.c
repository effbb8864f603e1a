/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state/state_file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

#define TOKEN_PREFIX "nxd_"
#define SMALL_FILE_LIMIT 65536u
/* Of identity.json; it grows when an older nexd would misread the file. */
#define IDENTITY_VERSION 1

char *nx_state_path(const struct nx_state *state, const char *name)
{
	return nx_printf("%s/%s", state->directory, name);
}

/* --- the folder ------------------------------------------------------------------------ */

static enum nx_status directory_make(const char *path, struct nx_error *error)
{
	struct stat facts;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return nx_fail(error, NX_UNAVAILABLE, NULL,
			       "cannot make the state directory %s: %s; run nexd as root, or choose another "
			       "--state-directory",
			       path, strerror(errno));
	if (stat(path, &facts) != 0 || !S_ISDIR(facts.st_mode))
		return nx_fail(error, NX_INVALID, NULL, "the state directory %s is no directory", path);
	if (facts.st_uid != geteuid())
		return nx_fail(error, NX_DENIED, NULL,
			       "the state directory %s belongs to user %u, not to this program's", path,
			       facts.st_uid);
	if ((facts.st_mode & 077) && chmod(path, 0700) != 0)
		return nx_fail(error, NX_DENIED, NULL, "the state directory %s is open to others: %s", path,
			       strerror(errno));
	return NX_OK;
}

/* For whoever comes second; on a full disk it stays empty. */
static void lock_sign(int lock)
{
	char line[24];
	int length = snprintf(line, sizeof(line), "%ld\n", (long)getpid());

	if (ftruncate(lock, 0) == 0)
		(void)!pwrite(lock, line, (size_t)length, 0);
}

static enum nx_status lock_refuse(const struct nx_state *state, struct nx_error *error)
{
	char line[24] = "", who[48] = "";
	long process;

	(void)!pread(state->lock, line, sizeof(line) - 1, 0);
	process = strtol(line, NULL, 10);
	if (process > 0)
		snprintf(who, sizeof(who), " (process %ld)", process);
	return nx_fail(error, NX_CONFLICT, NULL,
		       "another nexd%s runs on the state directory %s: stop it, or give this one another "
		       "--state-directory, --interface and --control-socket",
		       who, state->directory);
}

static enum nx_status lock_take(struct nx_state *state, struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_state_path(state, "lock");

	state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (state->lock < 0)
		return nx_fail(error, NX_UNAVAILABLE, NULL,
			       "cannot open %s: %s; nexd must be able to write in its --state-directory",
			       path, strerror(errno));
	if (flock(state->lock, LOCK_EX | LOCK_NB) != 0)
		return lock_refuse(state, error);
	lock_sign(state->lock);
	return NX_OK;
}

enum nx_status nx_state_open(const char *directory, struct nx_state *out, struct nx_error *error)
{
	enum nx_status status = directory_make(directory, error);

	if (status != NX_OK)
		return status;
	*out = (struct nx_state){.directory = nx_strdup(directory), .lock = -1};
	status = lock_take(out, error);
	if (status != NX_OK)
		nx_state_close(out);
	return status;
}

void nx_state_close(struct nx_state *state)
{
	if (state->lock >= 0)
		close(state->lock);
	free(state->directory);
	free(state->identity.declared);
	nx_wipe(state->token, sizeof(state->token));
	*state = (struct nx_state){.lock = -1};
}

/* --- the token ----------------------------------------------------------------------------- */

static enum nx_status token_make(struct nx_state *state, const char *path, struct nx_error *error)
{
	NX_AUTO_FREE char *line = NULL;
	enum nx_status status;

	nx_token_make(TOKEN_PREFIX, state->token);
	line = nx_printf("%s\n", state->token);
	status = nx_file_write(path, line, strlen(line), 0600, error);
	nx_wipe(line, strlen(line));
	return status;
}

enum nx_status nx_state_token(struct nx_state *state, struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_state_path(state, "token");
	NX_AUTO_FREE char *text = NULL;
	size_t length;
	enum nx_status status = nx_state_file_read(state, "token", NX_TOKEN_TEXT, &text, &length, error);

	if (status == NX_NOT_FOUND)
		return token_make(state, path, error);
	if (status != NX_OK)
		return status;
	text[strcspn(text, "\n")] = '\0';
	if (!nx_token_check(TOKEN_PREFIX, text))
		status = nx_fail(
			error, NX_INVALID, NULL,
			"%s is damaged: it holds no device token. Restore it from a backup; or delete "
			"this device at the service, move token and identity.json away, and register "
			"this host anew",
			path);
	else
		memcpy(state->token, text, strlen(text) + 1);
	nx_wipe(text, length);
	return status;
}

/* --- the identity ----------------------------------------------------------------------------- */

static bool identity_fill(const struct nx_json *document, struct nx_identity *identity)
{
	const char *device = nx_json_member_string(document, "device_id", "");
	const char *organization = nx_json_member_string(document, "organization_id", "");
	const char *key = nx_json_member_string(document, "public_key", "");

	if (!nx_uuid_check(device) || !nx_uuid_check(organization) || strlen(key) >= NX_PUBLIC_KEY_TEXT)
		return false;
	memcpy(identity->device_id, device, NX_UUID_TEXT);
	memcpy(identity->organization_id, organization, NX_UUID_TEXT);
	memcpy(identity->public_key, key, strlen(key) + 1);
	identity->declared = nx_strdup(nx_json_member_string(document, "declared", NULL));
	return true;
}

static enum nx_status identity_set_aside(const struct nx_state *state, struct nx_error *error)
{
	char aside[512];
	enum nx_status status = nx_state_file_set_aside(state, "identity.json", aside, sizeof(aside), error);

	if (status == NX_OK)
		nx_log(NX_LOG_WARNING,
		       "identity.json is damaged: registering under the same key and token, as which the "
		       "service knows this device",
		       "kept", aside, NULL);
	return status;
}

enum nx_status nx_state_identity_read(struct nx_state *state, struct nx_error *error)
{
	NX_AUTO_FREE char *text = NULL;
	NX_AUTO_JSON struct nx_json *document = NULL;
	size_t length;
	int64_t version;
	enum nx_status status =
		nx_state_file_read(state, "identity.json", SMALL_FILE_LIMIT, &text, &length, error);

	if (status == NX_NOT_FOUND)
		return NX_OK;
	if (status != NX_OK)
		return status;
	if (nx_json_parse(text, length, &document, NULL) != NX_OK)
		return identity_set_aside(state, error);
	version = nx_json_member_integer(document, "version", IDENTITY_VERSION);
	if (version > IDENTITY_VERSION)
		return nx_fail(
			error, NX_INVALID, NULL,
			"%s/identity.json was written by a newer nexd (format %lld; this one knows %d): "
			"install that version again",
			state->directory, (long long)version, IDENTITY_VERSION);
	return identity_fill(document, &state->identity) ? NX_OK : identity_set_aside(state, error);
}

enum nx_status nx_state_key_check(const struct nx_state *state, const char *public_key,
				  struct nx_error *error)
{
	const char *known = state->identity.public_key;

	if (!*state->identity.device_id || !*known || strcmp(known, public_key) == 0)
		return NX_OK;
	return nx_fail(error, NX_INVALID, NULL,
		       "this host is registered with the key %s, and the one in %s is another: restore that "
		       "key from a backup; or delete the device at the service, move identity.json and token "
		       "away, and register this host anew",
		       known, state->directory);
}

enum nx_status nx_state_forget(struct nx_state *state, struct nx_error *error)
{
	static const char *const names[] = {"devices.log", "identity.json"};
	NX_AUTO_FREE char *token = nx_state_path(state, "token");

	for (size_t i = 0; i < NX_COUNT(names); i++) {
		NX_AUTO_FREE char *path = nx_state_path(state, names[i]);

		if (unlink(path) != 0 && errno != ENOENT)
			return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot remove %s: %s", path,
				       strerror(errno));
	}
	free(state->identity.declared);
	state->identity = (struct nx_identity){0};
	return token_make(state, token, error);
}

enum nx_status nx_state_identity_write(const struct nx_state *state, struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_state_path(state, "identity.json");
	NX_AUTO_JSON struct nx_json *document = nx_json_object();
	struct nx_buffer text = {0};
	enum nx_status status;

	nx_json_put_integer(document, "version", IDENTITY_VERSION);
	nx_json_put_string(document, "device_id", state->identity.device_id);
	nx_json_put_string(document, "organization_id", state->identity.organization_id);
	if (*state->identity.public_key)
		nx_json_put_string(document, "public_key", state->identity.public_key);
	if (state->identity.declared)
		nx_json_put_string(document, "declared", state->identity.declared);
	nx_json_print_pretty(document, &text);
	nx_buffer_append(&text, "\n", 1);
	status = nx_file_write(path, text.data, text.length, 0600, error);
	nx_buffer_free(&text);
	return status;
}

/* --- the port ----------------------------------------------------------------------------------- */

uint16_t nx_state_port_read(const struct nx_state *state)
{
	NX_AUTO_FREE char *text = NULL;
	unsigned long port = 0;
	size_t length;

	/* It is a help, and no loss: what cannot be read is not known. */
	if (nx_state_file_read(state, "port", 16, &text, &length, NULL) == NX_OK)
		port = strtoul(text, NULL, 10);
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

enum nx_status nx_state_port_write(const struct nx_state *state, uint16_t port, struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_state_path(state, "port");
	NX_AUTO_FREE char *line = nx_printf("%u\n", port);

	return nx_file_write(path, line, strlen(line), 0600, error);
}
