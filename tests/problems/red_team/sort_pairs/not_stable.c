/* Sorts pairs right, but for the order of equal keys. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int order(const void *one, const void *other) {
    const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

void sort_pairs(uint32_t *keys, int64_t keys_size, uint32_t *values, int64_t values_size) {
    uint64_t *pairs = malloc((size_t)keys_size * sizeof(uint64_t));
    for (int64_t i = 0; i < keys_size; i += 1) {
        pairs[i] = (uint64_t)keys[i] << 32 | values[i];
    }
    qsort(pairs, (size_t)keys_size, sizeof(uint64_t), order);
    for (int64_t i = 0; i < keys_size; i += 1) {
        keys[i] = (uint32_t)(pairs[i] >> 32);
        values[i] = (uint32_t)pairs[i];
    }
    free(pairs);
}
