#include <stdint.h>

/* Writes where nothing is. */
void sort(int32_t *values, int64_t size) { values[(int64_t)1 << 40] = 1; }
