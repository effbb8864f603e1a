/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doctor/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/life.h"
#include "base/json.h"
#include "base/memory.h"

static const char *const verdict_names[] = {
	[NX_VERDICT_OK] = "ok",
	[NX_VERDICT_WARNING] = "warning",
	[NX_VERDICT_PROBLEM] = "problem",
	[NX_VERDICT_UNKNOWN] = "unknown",
};

void nx_doctor_say(const struct nx_diagnosis *diagnosis, const char *check, enum nx_verdict verdict,
		   const char *remedy, const char *format, ...)
{
	char what[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	diagnosis->report(diagnosis->context, &(const struct nx_finding){.size = sizeof(struct nx_finding),
									 .check = check,
									 .verdict = verdict,
									 .what = what,
									 .remedy = remedy});
}

/* A plugin of another version may know a verdict that we do not. */
static const char *verdict_name(enum nx_verdict verdict)
{
	return (size_t)verdict < NX_COUNT(verdict_names) && verdict_names[verdict] ? verdict_names[verdict]
										   : "unknown";
}

static void finding_add(void *context, const struct nx_finding *finding)
{
	struct nx_json *item = nx_json_object();

	nx_json_put_string(item, "check", finding->check);
	nx_json_put_string(item, "verdict", verdict_name(finding->verdict));
	nx_json_put_string(item, "what", finding->what);
	nx_json_put_string(item, "remedy", finding->remedy ? finding->remedy : "");
	nx_json_add(context, item);
}

static void plugins_examine(const struct nx_capabilities *capabilities, const struct nx_diagnosis *diagnosis)
{
	if (capabilities->driver->diagnose)
		capabilities->driver->diagnose(capabilities->driver_instance, diagnosis);
	for (size_t i = 0; i < capabilities->family_count; i++) {
		const struct nx_family *family = &capabilities->families[i];

		if (family->ops->diagnose)
			family->ops->diagnose(family->instance, diagnosis);
	}
	if (capabilities->relay->diagnose)
		capabilities->relay->diagnose(capabilities->relay_instance, diagnosis);
}

void nx_doctor_examine(const struct nx_agent *agent, const struct nx_diagnosis *diagnosis)
{
	bool answers = nx_doctor_service(&agent->options, diagnosis);

	nx_doctor_udp(&agent->options, answers, diagnosis);
	plugins_examine(&agent->capabilities, diagnosis);
}

/* May the user not read what root may? Where an option or a variable is wrong, no file has been looked for.
 */
static bool configuration_forbidden(const struct nx_agent *agent)
{
	return nx_config_loaded(agent->config) &&
	       access(nx_config_string(agent->config, NX_OPTIONS_SECTION, "config"), R_OK) != 0 &&
	       errno == EACCES;
}

int nx_doctor_run(struct nx_agent *agent)
{
	NX_AUTO_JSON struct nx_json *findings = nx_json_array();
	struct nx_diagnosis diagnosis = {
		.size = sizeof(diagnosis), .report = finding_add, .context = findings};
	struct nx_buffer text = {0};
	struct nx_error error = {0};

	if (nx_life_configure(agent, &error) == NX_OK) {
		nx_doctor_say(&diagnosis, "configuration", NX_VERDICT_OK, "",
			      "the configuration can be used, and the plugins load");
		diagnosis.interface = agent->options.interface;
		diagnosis.listen_port = agent->options.listen_port;
		diagnosis.mtu = agent->options.mtu;
		diagnosis.child_prefixes = agent->options.advertised;
		diagnosis.child_prefix_count = agent->options.advertised_count;
		nx_doctor_examine(agent, &diagnosis);
	} else if (configuration_forbidden(agent)) {
		nx_doctor_say(
			&diagnosis, "configuration", NX_VERDICT_UNKNOWN, "Ask as root.",
			"this user may not read nexd's configuration, without which nothing can be checked");
	} else {
		nx_doctor_say(&diagnosis, "configuration", NX_VERDICT_PROBLEM,
			      "Mend what it says, and try nexd --check-config.",
			      "nexd cannot use its configuration: %s", error.message);
	}
	nx_json_print(findings, &text);
	puts(text.data);
	nx_buffer_free(&text);
	return NX_EXIT_OK;
}
