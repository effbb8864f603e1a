/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "check/options.h"
#include "check/run.h"

int main(int count, char **words)
{
	struct check_options options;
	int status = RUN_USAGE;

	nx_secret_setup();
	nx_log_setup("nexodus-plugin-check", NX_LOG_WARNING, NX_LOG_AUTO);
	switch (options_read(count, words, &options)) {
	case OPTIONS_RUN:
		status = run(&options);
		break;
	case OPTIONS_DONE:
		status = RUN_PASSED;
		break;
	case OPTIONS_WRONG:
		break;
	}
	while (options.setting_count > 0)
		free(options.settings[--options.setting_count]);
	free(options.settings);
	return status;
}
