/* Digits of eight bits, counted all at once, to and fro between the arrays. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void pass(const uint32_t *restrict keys, const uint32_t *restrict values, uint32_t *restrict to_keys,
                 uint32_t *restrict to_values, int64_t size, int shift, uint32_t *place) {
    uint32_t before = 0;
    for (int d = 0; d < 256; d += 1) {
        const uint32_t count = place[d];
        place[d] = before;
        before += count;
    }
    for (int64_t i = 0; i < size; i += 1) {
        const uint32_t to = place[keys[i] >> shift & 255]++;
        to_keys[to] = keys[i];
        to_values[to] = values[i];
    }
}

void sort_pairs(uint32_t *keys, int64_t keys_size, uint32_t *values, int64_t values_size) {
    uint32_t *key_scratch = malloc((size_t)keys_size * sizeof(uint32_t));
    uint32_t *value_scratch = malloc((size_t)keys_size * sizeof(uint32_t));
    uint32_t places[4][256];
    memset(places, 0, sizeof places);
    for (int64_t i = 0; i < keys_size; i += 1) {
        places[0][keys[i] & 255] += 1;
        places[1][keys[i] >> 8 & 255] += 1;
        places[2][keys[i] >> 16 & 255] += 1;
        places[3][keys[i] >> 24] += 1;
    }
    pass(keys, values, key_scratch, value_scratch, keys_size, 0, places[0]);
    pass(key_scratch, value_scratch, keys, values, keys_size, 8, places[1]);
    pass(keys, values, key_scratch, value_scratch, keys_size, 16, places[2]);
    pass(key_scratch, value_scratch, keys, values, keys_size, 24, places[3]);
    free(key_scratch);
    free(value_scratch);
}
