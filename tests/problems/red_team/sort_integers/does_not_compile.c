#include <stdint.h>

/* No C. */
void sort(int32_t *values, int64_t size) { values. }
