/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* The first "model name" of /proc/cpuinfo, which some architectures do not have. */
static void read_processor(char *name, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "re");

	snprintf(name, size, "unknown processor");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", strlen("model name")) != 0 || !value)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(name, size, "%s", value + 2);
		break;
	}
	if (file)
		fclose(file);
}

static const char *build_name(void)
{
#ifdef NEXODUS_SANITIZED
	return "sanitized: figures mean nothing";
#elif defined(__OPTIMIZE__)
	return "optimized";
#else
	return "not optimized: figures mean little";
#endif
}

void bench_heading(const char *what, const char *settings, ...)
{
	char processor[200], date[32];
	struct utsname system;
	va_list arguments;
	time_t now = time(NULL);
	struct tm calendar;

	read_processor(processor, sizeof(processor));
	uname(&system);
	strftime(date, sizeof(date), "%F %H:%M UTC", gmtime_r(&now, &calendar));
	printf("%s\n  machine   %s, %ld processors, %s %s\n  date      %s\n  build     %s, %s\n  settings  ",
	       what, processor, sysconf(_SC_NPROCESSORS_ONLN), system.sysname, system.release, date,
	       NEXODUS_VERSION, build_name());
	va_start(arguments, settings);
	vprintf(settings, arguments);
	va_end(arguments);
	printf("\n");
	fflush(stdout);
}

uint64_t bench_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof(*values), compare_values);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

double bench_median_of(unsigned runs, double (*once)(void *context), void *context)
{
	NX_AUTO_FREE double *values = nx_alloc_array(runs, sizeof(*values));

	for (unsigned i = 0; i < runs; i++)
		values[i] = once(context);
	return bench_median(values, runs);
}

void bench_print(const char *what, double figure, const char *unit, double beside)
{
	printf("  %-56s %12.0f %s", what, figure, unit);
	if (beside > 0)
		printf("  (%.2f)", figure / beside);
	printf("\n");
	fflush(stdout);
}
