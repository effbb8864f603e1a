/* SPDX-License-Identifier: Apache-2.0 */
/* A library, but no plugin. */
__attribute__((visibility("default"))) int something_else(void);

int something_else(void)
{
	return 1;
}
