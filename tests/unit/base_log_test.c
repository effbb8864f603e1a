/* SPDX-License-Identifier: Apache-2.0 */
/* Logs: no text from outside may forge a line or move a cursor, in any form. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

/* What somebody writes who wants to be taken for the log, or for the terminal. */
static const char hostile[] = "x\n2030-01-01 error program=y \"quoted\" \\ \x1b[2J\r\t\x07\x7f\xc2\x9b"
			      "31m\xe2\x80\xae\xff end";

struct capture {
	int file;
	int saved;
};

static struct capture capture_start(void)
{
	struct capture capture = {memfd_create("log", MFD_CLOEXEC), dup(STDERR_FILENO)};

	fcntl(capture.file, F_SETFL, O_APPEND);
	dup2(capture.file, STDERR_FILENO);
	return capture;
}

static char *capture_end(struct capture *capture)
{
	off_t length = lseek(capture->file, 0, SEEK_END);
	char *text = nx_alloc((size_t)length + 1);

	if (pread(capture->file, text, (size_t)length, 0) != length)
		abort();
	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	close(capture->file);
	return text;
}

static void log_hostile(void)
{
	nx_log(NX_LOG_INFO, "device registered", "host", hostile, "empty", "", "none", NULL, "id", "a-1",
	       NULL);
	nx_log_text(NX_LOG_WARNING, "ipam-v4", "cannot use %s", hostile);
	nx_log_text(NX_LOG_DEBUG, NULL, "not to be seen");
}

/* Two lines, and nothing in them that a terminal would obey. */
static void check_lines(const char *text)
{
	size_t lines = 0;

	for (const char *at = text; *at; at++) {
		lines += *at == '\n';
		CU_ASSERT_TRUE(*at == '\n' || (unsigned char)*at >= 0x20);
		CU_ASSERT_TRUE((unsigned char)*at != 0x7f && (unsigned char)*at != 0xff);
	}
	CU_ASSERT_EQUAL(lines, 2);
	CU_ASSERT_PTR_NULL(strstr(text, "\xc2\x9b"));
}

static char *log_as(enum nx_log_format format)
{
	struct capture capture = capture_start();

	nx_log_setup("nexd", NX_LOG_INFO, format);
	log_hostile();
	return capture_end(&capture);
}

static void test_human(void)
{
	NX_AUTO_FREE char *text = log_as(NX_LOG_HUMAN);

	check_lines(text);
	UNIT_ASSERT_HOLDS(text,
			  " info    device registered host=\"x\\n2030-01-01 error program=y \\\"quoted\\\" "
			  "\\\\ \\x1b[2J\\r\\t\\x07\\x7f\\u009b31m\\u202e\\xff end\" empty=\"\" id=a-1\n");
	UNIT_ASSERT_HOLDS(text, " warning ipam-v4: cannot use x\\n2030-01-01");
}

static void test_key_value(void)
{
	NX_AUTO_FREE char *text = log_as(NX_LOG_KEYVALUE);

	check_lines(text);
	CU_ASSERT_EQUAL(strncmp(text, "time=20", 7), 0);
	UNIT_ASSERT_HOLDS(text, "Z level=info program=nexd event=\"device registered\" host=\"x\\n2030");
	UNIT_ASSERT_HOLDS(text, "level=warning program=nexd component=ipam-v4 event=\"cannot use x\\n");
	CU_ASSERT_PTR_NULL(strstr(text, "none="));
}

static void test_json(void)
{
	NX_AUTO_FREE char *text = log_as(NX_LOG_JSON);
	NX_AUTO_JSON struct nx_json *document = NULL;
	const char *host;

	check_lines(text);
	CU_ASSERT_EQUAL_FATAL(nx_json_parse(text, strcspn(text, "\n"), &document, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(nx_json_member_string(document, "level", ""), "info");
	CU_ASSERT_STRING_EQUAL(nx_json_member_string(document, "event", ""), "device registered");
	CU_ASSERT_STRING_EQUAL(nx_json_member_string(document, "program", ""), "nexd");
	host = nx_json_member_string(document, "host", "");
	CU_ASSERT_EQUAL(strncmp(host, hostile, strcspn(hostile, "\xff")), 0);
	CU_ASSERT_PTR_NULL(nx_json_member(document, "none"));
}

static void test_names(void)
{
	enum nx_log_format format = NX_LOG_JSON;
	enum nx_log_level level = NX_LOG_DEBUG;

	CU_ASSERT_TRUE(nx_log_level_parse("warning", &level));
	CU_ASSERT_EQUAL(level, NX_LOG_WARNING);
	CU_ASSERT_FALSE(nx_log_level_parse("loud", &level));
	CU_ASSERT_FALSE(nx_log_level_parse("", &level));
	CU_ASSERT_EQUAL(level, NX_LOG_WARNING);
	CU_ASSERT_TRUE(nx_log_format_parse("key-value", &format));
	CU_ASSERT_EQUAL(format, NX_LOG_KEYVALUE);
	CU_ASSERT_FALSE(nx_log_format_parse("xml", &format));
}

static void test_levels(void)
{
	static const enum nx_log_level levels[] = {NX_LOG_ERROR, NX_LOG_WARNING, NX_LOG_INFO, NX_LOG_DEBUG};

	for (size_t i = 0; i < NX_COUNT(levels); i++) {
		nx_log_setup("nexd", levels[i], NX_LOG_AUTO);
		for (size_t j = 0; j < NX_COUNT(levels); j++)
			CU_ASSERT_EQUAL(nx_log_enabled(levels[j]), j <= i);
	}
}

static void *write_many(void *context)
{
	for (int i = 0; i < 500; i++)
		nx_log(NX_LOG_INFO, "line", "thread", (const char *)context, NULL);
	return NULL;
}

/* Lines of several threads stay whole. */
static void test_threads(void)
{
	static char names[4][2] = {"a", "b", "c", "d"};
	struct capture capture = capture_start();
	NX_AUTO_FREE char *text = NULL;
	pthread_t threads[4];
	size_t lines = 0;

	nx_log_setup("nexd", NX_LOG_INFO, NX_LOG_KEYVALUE);
	for (size_t i = 0; i < NX_COUNT(threads); i++)
		pthread_create(&threads[i], NULL, write_many, names[i]);
	for (size_t i = 0; i < NX_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	text = capture_end(&capture);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		lines++;
		CU_ASSERT_EQUAL(strncmp(line, "time=", 5), 0);
		CU_ASSERT_EQUAL(
			strcspn(line, "\n"),
			strlen("time=2024-01-01T00:00:00.000Z level=info program=nexd event=line thread=a"));
	}
	CU_ASSERT_EQUAL(lines, 2000);
}

/* --- a reader that does not read --------------------------------------------------------- */

static char *pipe_drain(int descriptor)
{
	struct nx_buffer text = {0};
	char some[4096];
	ssize_t got;

	while ((got = read(descriptor, some, sizeof(some))) > 0)
		nx_buffer_append(&text, some, (size_t)got);
	return nx_buffer_take(&text);
}

/* Logging goes on without its reader; when that is back it is told how much it has missed, and what it gets
 * are whole lines but for the one that was cut. */
static void test_stuck_reader(void)
{
	enum { LINES = 5000 };
	int ends[2], saved = dup(STDERR_FILENO);
	size_t lines = 0, told = 0;

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	nx_log_setup("test", NX_LOG_INFO, NX_LOG_KEYVALUE);
	for (size_t i = 0; i < LINES; i++)
		nx_log(NX_LOG_INFO, "into the pipe", "more", "0123456789012345678901234567890123456789",
		       NULL);
	NX_AUTO_FREE char *before = pipe_drain(ends[0]);
	nx_log(NX_LOG_INFO, "read again", NULL);
	NX_AUTO_FREE char *after = pipe_drain(ends[0]);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	for (const char *at = before; (at = strstr(at, "event=\"into the pipe\"")); at++)
		lines++;
	const char *note = strstr(after, "lines=");
	CU_ASSERT_PTR_NOT_NULL_FATAL(note);
	told = strtoul(note + strlen("lines="), NULL, 10);
	CU_ASSERT_TRUE(lines > 100 && lines < LINES);
	/* The one that was cut may stand there in part. */
	CU_ASSERT_TRUE(lines + told == LINES || lines + told == LINES + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(after, "event=\"read again\""));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"for a person", test_human},
		{"key=value", test_key_value},
		{"JSON", test_json},
		{"names of levels and forms", test_names},
		{"levels", test_levels},
		{"lines of threads stay whole", test_threads},
		{"a reader that does not read", test_stuck_reader},
		CU_TEST_INFO_NULL,
	};

	return unit_run("log", tests);
}
