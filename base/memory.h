/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that does not fail (it ends the program with a message), and cleanup attributes. */
#ifndef NX_BASE_MEMORY_H
#define NX_BASE_MEMORY_H

#include <stddef.h>

void *nx_alloc(size_t size);			 /* zeroed */
void *nx_alloc_array(size_t count, size_t size); /* zeroed, overflow checked */
void *nx_realloc_array(void *old, size_t count, size_t size);
char *nx_strdup(const char *text); /* NULL in, NULL out */
char *nx_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

void nx_cleanup_free(void *pointer_to_pointer);
void nx_cleanup_close(const int *descriptor);

/* `NX_AUTO_FREE char *text = …;` frees it at the end of the scope. */
#define NX_AUTO_FREE __attribute__((cleanup(nx_cleanup_free)))
#define NX_AUTO_CLOSE __attribute__((cleanup(nx_cleanup_close)))
#define NX_CLEANUP(function) __attribute__((cleanup(function)))

/* Hand a pointer on: answers it and leaves NULL behind. */
#define NX_TAKE(pointer)                                                                                     \
	({                                                                                                   \
		__typeof__(pointer) taken_ = (pointer);                                                      \
		(pointer) = NULL;                                                                            \
		taken_;                                                                                      \
	})

#define NX_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
