#include <stdint.h>

/* Returns at once. */
void sort(int32_t *values, int64_t size) {}
