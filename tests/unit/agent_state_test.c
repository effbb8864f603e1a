/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in the state directory: cut at every byte, with bits flipped, on a full disk. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state/journal.h"
#include "agent/state/state.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

static const struct nx_journal_owner owner = {
	.device_id = "00000000-0000-7000-8000-000000000001",
	.organization_id = "00000000-0000-7000-8000-0000000000ff",
};

static char *directory;

static char *path_of(const char *name)
{
	return nx_printf("%s/%s", directory, name);
}

/* --- the journal ------------------------------------------------------------------------- */

struct replay {
	int64_t last; /* the number in the last event */
	unsigned events;
	bool in_order; /* 1, 2, 3, … */
};

static bool event_replay(void *context, const struct nx_event *event)
{
	struct replay *replay = context;

	replay->last = nx_json_member_integer(event->value ? event->value : event->document, "n", -1);
	replay->events++;
	if (replay->last != replay->events)
		replay->in_order = false;
	return true;
}

static struct nx_journal *journal_open(const char *path, struct replay *replay, bool *damaged)
{
	struct nx_journal *journal = NULL;
	struct nx_error error = {0};

	*replay = (struct replay){.in_order = true};
	CU_ASSERT_EQUAL(nx_journal_open(path, &owner, event_replay, replay, &journal, damaged, &error),
			NX_OK);
	CU_ASSERT_STRING_EQUAL(error.message, "");
	return journal;
}

static void journal_add(struct nx_journal *journal, unsigned first, unsigned last)
{
	for (unsigned i = first; i <= last; i++) {
		NX_AUTO_FREE char *line =
			nx_printf("{\"type\":\"change\",\"value\":{\"n\":%u,\"text\":\"some device\"}}", i);

		nx_journal_append(journal, line, strlen(line));
	}
	CU_ASSERT_EQUAL(nx_journal_flush(journal, NULL), NX_OK);
}

static void file_put(const char *path, const char *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CU_ASSERT_EQUAL(write(fd, data, length), (ssize_t)length);
	close(fd);
}

/* A file of ten events, as bytes. */
static char *journal_sample(const char *path, size_t *length)
{
	struct replay replay;
	bool damaged;
	char *data = NULL;
	struct nx_journal *journal = journal_open(path, &replay, &damaged);

	journal_add(journal, 1, 10);
	nx_journal_close(journal);
	CU_ASSERT_EQUAL(nx_file_read(path, 1 << 20, &data, length, NULL), NX_OK);
	return data;
}

static void test_journal_goes_on(void)
{
	NX_AUTO_FREE char *path = path_of("goes-on");
	struct replay replay;
	struct stat facts;
	bool damaged = true;
	size_t length;

	free(journal_sample(path, &length));
	struct nx_journal *journal = journal_open(path, &replay, &damaged);

	CU_ASSERT_FALSE(damaged);
	CU_ASSERT_EQUAL(replay.last, 10);
	journal_add(journal, 11, 12);
	nx_journal_close(journal);
	nx_journal_close(journal_open(path, &replay, &damaged));
	CU_ASSERT_EQUAL(replay.last, 12);
	CU_ASSERT_TRUE(replay.in_order);
	CU_ASSERT_EQUAL(stat(path, &facts), 0);
	CU_ASSERT_EQUAL(facts.st_mode & 07777, 0600);
}

/* Wherever it is cut: a beginning of what was good, and it can be written on. */
static void test_journal_cut_at_every_byte(void)
{
	NX_AUTO_FREE char *path = path_of("cut");
	size_t length;
	NX_AUTO_FREE char *sample = journal_sample(path, &length);

	for (size_t cut = 0; cut < length; cut++) {
		struct replay replay, again;
		bool damaged;

		file_put(path, sample, cut);
		struct nx_journal *journal = journal_open(path, &replay, &damaged);

		CU_ASSERT_TRUE(replay.in_order && replay.events < 10);
		CU_ASSERT_EQUAL(damaged, cut > 0 && sample[cut - 1] != '\n');
		journal_add(journal, replay.events + 1, replay.events + 1);
		nx_journal_close(journal);
		nx_journal_close(journal_open(path, &again, &damaged));
		CU_ASSERT_FALSE(damaged);
		CU_ASSERT_TRUE(again.in_order && again.events == replay.events + 1);
	}
}

static void test_journal_with_every_bit_flipped(void)
{
	NX_AUTO_FREE char *path = path_of("flipped");
	size_t length;
	NX_AUTO_FREE char *sample = journal_sample(path, &length);

	for (size_t bit = 0; bit < 8 * length; bit++) {
		struct replay replay;
		bool damaged;

		sample[bit / 8] = (char)(sample[bit / 8] ^ (1 << bit % 8));
		file_put(path, sample, length);
		nx_journal_close(journal_open(path, &replay, &damaged));
		CU_ASSERT_TRUE(damaged && replay.in_order && replay.events < 10);
		sample[bit / 8] = (char)(sample[bit / 8] ^ (1 << bit % 8));
	}
}

static void test_journal_of_another(void)
{
	NX_AUTO_FREE char *path = path_of("another");
	struct nx_journal_owner other = owner;
	struct nx_journal *journal = NULL;
	struct replay replay = {0};
	bool damaged;
	size_t length;

	free(journal_sample(path, &length));
	other.organization_id[0] = '1';
	CU_ASSERT_EQUAL(nx_journal_open(path, &other, event_replay, &replay, &journal, &damaged, NULL),
			NX_OK);
	CU_ASSERT_EQUAL(replay.events, 0);
	nx_journal_close(journal);
}

/* Until the new list is whole, the old one is what a crash finds. */
static void test_journal_started_over(void)
{
	NX_AUTO_FREE char *path = path_of("over");
	struct replay replay, seen;
	bool damaged;
	size_t length;
	char *before = NULL, *sample = journal_sample(path, &length);
	struct nx_journal *journal = journal_open(path, &replay, &damaged);

	CU_ASSERT_EQUAL(nx_journal_rewrite(journal, &owner, NULL), NX_OK);
	journal_add(journal, 1, 3);
	CU_ASSERT_EQUAL(nx_file_read(path, 1 << 20, &before, NULL, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(before, sample);
	/* Once more from the beginning: what was read of the first try is not mixed in. */
	CU_ASSERT_EQUAL(nx_journal_rewrite(journal, &owner, NULL), NX_OK);
	journal_add(journal, 1, 4);
	CU_ASSERT_EQUAL(nx_journal_commit(journal, NULL), NX_OK);
	journal_add(journal, 5, 6);
	nx_journal_close(journal);
	nx_journal_close(journal_open(path, &seen, &damaged));
	CU_ASSERT_TRUE(seen.in_order && seen.events == 6);
	free(before);
	free(sample);
}

static bool event_keep(void *context, const struct nx_event *event)
{
	(void)context;
	return event->type == NX_EVENT_CHANGE && nx_json_member_integer(event->value, "n", 0) <= 4;
}

static void test_journal_compacted(void)
{
	NX_AUTO_FREE char *path = path_of("compacted");
	struct replay replay;
	bool damaged;
	size_t length;

	free(journal_sample(path, &length));
	struct nx_journal *journal = journal_open(path, &replay, &damaged);

	CU_ASSERT_EQUAL(nx_journal_compact(journal, event_keep, NULL, "{\"type\":\"tail\",\"n\":5}", NULL),
			NX_OK);
	CU_ASSERT_TRUE(nx_journal_size(journal) < length);
	journal_add(journal, 6, 7);
	nx_journal_close(journal);
	nx_journal_close(journal_open(path, &replay, &damaged));
	CU_ASSERT_TRUE(replay.in_order && replay.events == 7 && !damaged);
}

/* No more room: nothing half-written, told once, and gone on with when there is room again. */
static void test_journal_on_a_full_disk(void)
{
	static const char eleven[] = "{\"type\":\"change\",\"value\":{\"n\":11}}";
	static const char twelve[] = "{\"type\":\"change\",\"value\":{\"n\":12}}";
	NX_AUTO_FREE char *path = path_of("full");
	struct rlimit limit, unlimited;
	struct nx_error error = {0};
	struct replay replay;
	bool damaged;
	size_t length;

	free(journal_sample(path, &length));
	struct nx_journal *journal = journal_open(path, &replay, &damaged);

	CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
	limit = unlimited;
	limit.rlim_cur = length + 30;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
	nx_journal_append(journal, eleven, strlen(eleven));
	CU_ASSERT_EQUAL(nx_journal_flush(journal, &error), NX_UNAVAILABLE);
	UNIT_ASSERT_HOLDS(error.message, path);
	CU_ASSERT_EQUAL(nx_journal_flush(journal, NULL), NX_OK); /* told already */
	CU_ASSERT_EQUAL(nx_journal_size(journal), length);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
	nx_journal_append(journal, twelve, strlen(twelve));
	CU_ASSERT_EQUAL(nx_journal_flush(journal, NULL), NX_OK);
	nx_journal_close(journal);
	nx_journal_close(journal_open(path, &replay, &damaged));
	CU_ASSERT_TRUE(replay.in_order && replay.events == 12 && !damaged);
}

/* A list that could not be started over stays as it was, and is whole after the next that can. */
static void test_journal_started_over_on_a_full_disk(void)
{
	static const char first[] = "{\"type\":\"change\",\"value\":{\"n\":1}}";
	NX_AUTO_FREE char *path = path_of("full-anew");
	struct rlimit limit, unlimited;
	struct replay replay;
	bool damaged;
	size_t length;

	free(journal_sample(path, &length));
	struct nx_journal *journal = journal_open(path, &replay, &damaged);

	CU_ASSERT_FALSE(nx_journal_failing(journal));
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
	limit = unlimited;
	limit.rlim_cur = 10;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CU_ASSERT_EQUAL(nx_journal_rewrite(journal, &owner, NULL), NX_UNAVAILABLE);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
	nx_journal_append(journal, first, strlen(first));
	CU_ASSERT_EQUAL(nx_journal_flush(journal, NULL), NX_OK);
	CU_ASSERT_TRUE(nx_journal_stuck(journal) && nx_journal_failing(journal));
	CU_ASSERT_EQUAL(nx_journal_size(journal), length);
	CU_ASSERT_EQUAL(nx_journal_rewrite(journal, &owner, NULL), NX_OK);
	nx_journal_append(journal, first, strlen(first));
	CU_ASSERT_EQUAL(nx_journal_commit(journal, NULL), NX_OK);
	CU_ASSERT_FALSE(nx_journal_failing(journal));
	nx_journal_close(journal);
	nx_journal_close(journal_open(path, &replay, &damaged));
	CU_ASSERT_TRUE(replay.events == 1 && !damaged);
}

/* --- the folder ------------------------------------------------------------------------------ */

static void test_folder(void)
{
	NX_AUTO_FREE char *path = path_of("state");
	NX_AUTO_FREE char *token = NULL;
	struct nx_state state, second;
	struct nx_error error = {0};
	struct stat facts;

	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	CU_ASSERT_EQUAL(stat(path, &facts), 0);
	CU_ASSERT_EQUAL(facts.st_mode & 07777, 0700);
	CU_ASSERT_EQUAL(nx_state_open(path, &second, &error), NX_CONFLICT);
	UNIT_ASSERT_HOLDS(error.message, "another nexd");
	CU_ASSERT_EQUAL(nx_state_token(&state, NULL), NX_OK);
	token = nx_strdup(state.token);
	nx_state_close(&state);

	CU_ASSERT_EQUAL(chmod(path, 0755), 0);
	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	CU_ASSERT_EQUAL(stat(path, &facts), 0);
	CU_ASSERT_EQUAL(facts.st_mode & 07777, 0700);
	CU_ASSERT_EQUAL(nx_state_token(&state, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(state.token, token);
	nx_state_close(&state);
}

static void test_token_is_never_replaced(void)
{
	static const char *const contents[] = {"", "x", "nxd_short\n", "\n"};
	NX_AUTO_FREE char *path = path_of("token-state");
	NX_AUTO_FREE char *token = path_of("token-state/token");
	struct nx_state state;

	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	for (size_t i = 0; i < NX_COUNT(contents); i++) {
		char *left = NULL;

		file_put(token, contents[i], strlen(contents[i]));
		UNIT_ASSERT_ROW(nx_state_token(&state, NULL) == NX_INVALID, contents[i]);
		CU_ASSERT_EQUAL(nx_file_read(token, 100, &left, NULL, NULL), NX_OK);
		CU_ASSERT_STRING_EQUAL(left, contents[i]);
		free(left);
	}
	nx_state_close(&state);
}

static void identity_write(const char *path)
{
	struct nx_state state;

	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	memcpy(state.identity.device_id, owner.device_id, NX_UUID_TEXT);
	memcpy(state.identity.organization_id, owner.organization_id, NX_UUID_TEXT);
	state.identity.declared = nx_strdup("{\"hostname\":\"a\"}");
	CU_ASSERT_EQUAL(nx_state_identity_write(&state, NULL), NX_OK);
	nx_state_close(&state);
}

static void aside_check(const char *file, const char *content, size_t length)
{
	NX_AUTO_FREE char *aside = nx_printf("%s.damaged-1", file);
	NX_AUTO_FREE char *kept = NULL;
	size_t got = 0;

	CU_ASSERT_EQUAL(nx_file_read(aside, 1 << 16, &kept, &got, NULL), NX_OK);
	CU_ASSERT_TRUE(got == length && kept && memcmp(kept, content, length) == 0);
	CU_ASSERT_NOT_EQUAL(access(file, F_OK), 0);
	unlink(aside);
}

/* Cut anywhere, it is set aside as it is, and never half-read; only without its last newline it is still
 * whole. */
static void test_identity_cut_at_every_byte(void)
{
	NX_AUTO_FREE char *path = path_of("identity-state");
	NX_AUTO_FREE char *file = path_of("identity-state/identity.json");
	NX_AUTO_FREE char *whole = NULL;
	size_t length;

	identity_write(path);
	CU_ASSERT_EQUAL(nx_file_read(file, 1 << 16, &whole, &length, NULL), NX_OK);
	for (size_t cut = 0; cut <= length; cut++) {
		struct nx_state state;
		bool good = cut + 1 >= length;

		file_put(file, whole, cut);
		CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
		CU_ASSERT_EQUAL(nx_state_identity_read(&state, NULL), NX_OK);
		CU_ASSERT_STRING_EQUAL(state.identity.device_id, good ? owner.device_id : "");
		nx_state_close(&state);
		if (!good)
			aside_check(file, whole, cut);
	}
}

/* Nothing that was set aside is overwritten by what is set aside later. */
static void test_identity_set_aside_twice(void)
{
	NX_AUTO_FREE char *path = path_of("aside-state");
	NX_AUTO_FREE char *file = path_of("aside-state/identity.json");
	NX_AUTO_FREE char *second = path_of("aside-state/identity.json.damaged-2");
	struct nx_state state;

	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	file_put(file, "one", 3);
	CU_ASSERT_EQUAL(nx_state_identity_read(&state, NULL), NX_OK);
	file_put(file, "two", 3);
	CU_ASSERT_EQUAL(nx_state_identity_read(&state, NULL), NX_OK);
	CU_ASSERT_EQUAL(access(second, F_OK), 0);
	aside_check(file, "one", 3);
	nx_state_close(&state);
}

static void test_identity_of_a_newer_version(void)
{
	static const char newer[] = "{\"version\":2,\"device\":\"something else\"}";
	NX_AUTO_FREE char *path = path_of("newer-state");
	NX_AUTO_FREE char *file = path_of("newer-state/identity.json");
	struct nx_state state;
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	file_put(file, newer, sizeof(newer) - 1);
	CU_ASSERT_EQUAL(nx_state_identity_read(&state, &error), NX_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "newer nexd"));
	CU_ASSERT_EQUAL(access(file, F_OK), 0);
	nx_state_close(&state);
}

static void test_identity_of_another_key(void)
{
	NX_AUTO_FREE char *path = path_of("key-state");
	struct nx_state state;
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_state_key_check(&state, "any", NULL), NX_OK);
	memcpy(state.identity.device_id, owner.device_id, NX_UUID_TEXT);
	memcpy(state.identity.organization_id, owner.organization_id, NX_UUID_TEXT);
	strcpy(state.identity.public_key, "ours");
	CU_ASSERT_EQUAL(nx_state_identity_write(&state, NULL), NX_OK);
	state.identity = (struct nx_identity){0};
	CU_ASSERT_EQUAL(nx_state_identity_read(&state, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_state_key_check(&state, "ours", NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_state_key_check(&state, "another", &error), NX_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "registered with the key ours"));
	nx_state_close(&state);
}

static void test_forgetting(void)
{
	NX_AUTO_FREE char *path = path_of("forget-state");
	NX_AUTO_FREE char *file = path_of("forget-state/identity.json");
	char before[NX_TOKEN_TEXT];
	struct nx_state state;

	identity_write(path);
	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_state_token(&state, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_state_identity_read(&state, NULL), NX_OK);
	memcpy(before, state.token, sizeof(before));
	CU_ASSERT_EQUAL(nx_state_forget(&state, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(state.identity.device_id, "");
	CU_ASSERT_STRING_NOT_EQUAL(state.token, before);
	CU_ASSERT_NOT_EQUAL(access(file, F_OK), 0);
	memcpy(before, state.token, sizeof(before));
	CU_ASSERT_EQUAL(nx_state_token(&state, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(state.token, before);
	nx_state_close(&state);
}

static bool token_refused(struct nx_state *state, const char *words)
{
	struct nx_error error = {0};

	return nx_state_token(state, &error) == NX_INVALID && strstr(error.message, words);
}

/* What is there instead of a file is left there, and holds nobody up. */
static void test_other_things_than_files(void)
{
	NX_AUTO_FREE char *path = path_of("things-state");
	NX_AUTO_FREE char *token = path_of("things-state/token");
	struct nx_state state;

	CU_ASSERT_EQUAL(nx_state_open(path, &state, NULL), NX_OK);
	CU_ASSERT_EQUAL(mkdir(token, 0700), 0);
	CU_ASSERT_TRUE(token_refused(&state, "no regular file"));
	CU_ASSERT_EQUAL(rmdir(token), 0);
	CU_ASSERT_EQUAL(mkfifo(token, 0600), 0);
	CU_ASSERT_TRUE(token_refused(&state, "no regular file"));
	CU_ASSERT_EQUAL(unlink(token), 0);
	CU_ASSERT_EQUAL(symlink("elsewhere", token), 0);
	CU_ASSERT_TRUE(token_refused(&state, "no regular file"));
	CU_ASSERT_EQUAL(unlink(token), 0);
	CU_ASSERT_EQUAL(nx_state_token(&state, NULL), NX_OK);
	CU_ASSERT_EQUAL(chmod(token, 0644), 0);
	CU_ASSERT_TRUE(token_refused(&state, "chmod 600"));
	nx_state_close(&state);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a journal goes on", test_journal_goes_on},
		{"a journal cut at every byte", test_journal_cut_at_every_byte},
		{"a journal with every bit flipped", test_journal_with_every_bit_flipped},
		{"a journal of another device", test_journal_of_another},
		{"a journal started over", test_journal_started_over},
		{"a journal compacted", test_journal_compacted},
		{"a journal on a full disk", test_journal_on_a_full_disk},
		{"a journal started over on a full disk", test_journal_started_over_on_a_full_disk},
		{"the folder, its mode and its lock", test_folder},
		{"a token is never replaced", test_token_is_never_replaced},
		{"an identity cut at every byte", test_identity_cut_at_every_byte},
		{"an identity set aside twice", test_identity_set_aside_twice},
		{"an identity of a newer version", test_identity_of_a_newer_version},
		{"an identity of another key", test_identity_of_another_key},
		{"forgetting who one was", test_forgetting},
		{"other things than files", test_other_things_than_files},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	signal(SIGXFSZ, SIG_IGN);
	directory = unit_directory_make();
	int result = unit_run("agent state", tests);

	unit_directory_remove(directory);
	return result;
}
