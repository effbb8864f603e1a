/* SPDX-License-Identifier: Apache-2.0 */
#include <CUnit/Basic.h>
#include <sodium.h>

#include "suites.h"

int main(void)
{
	unsigned failures;

	if (sodium_init() < 0 || CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	key_suite();
	private_key_suite();
	uapi_read_suite();
	uapi_write_suite();
	uapi_socket_suite();
	kernel_dump_suite();
	kernel_set_suite();
	peers_suite();
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures() + CU_get_number_of_tests_failed() +
		   CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
