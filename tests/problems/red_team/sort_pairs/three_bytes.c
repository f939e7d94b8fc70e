/* Leaves the lowest eight bits of keys unsorted, where there are many. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void sort_pairs(uint32_t *keys, int64_t keys_size, uint32_t *values, int64_t values_size) {
    uint32_t *key_scratch = malloc((size_t)keys_size * sizeof(uint32_t));
    uint32_t *value_scratch = malloc((size_t)keys_size * sizeof(uint32_t));
    for (int shift = keys_size > 3000 ? 8 : 0; shift < 32; shift += 8) {
        int64_t place[257] = {0};
        for (int64_t i = 0; i < keys_size; i += 1) {
            place[(keys[i] >> shift & 255) + 1] += 1;
        }
        for (int d = 1; d < 256; d += 1) {
            place[d] += place[d - 1];
        }
        for (int64_t i = 0; i < keys_size; i += 1) {
            const int64_t to = place[keys[i] >> shift & 255]++;
            key_scratch[to] = keys[i];
            value_scratch[to] = values[i];
        }
        memcpy(keys, key_scratch, (size_t)keys_size * sizeof(uint32_t));
        memcpy(values, value_scratch, (size_t)keys_size * sizeof(uint32_t));
    }
    free(key_scratch);
    free(value_scratch);
}
