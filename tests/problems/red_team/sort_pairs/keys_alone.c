/* Sorts the keys and leaves the values where they were. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int order(const void *one, const void *other) {
    const uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

void sort_pairs(uint32_t *keys, int64_t keys_size, uint32_t *values, int64_t values_size) {
    qsort(keys, (size_t)keys_size, sizeof(uint32_t), order);
}
