/* Sorts pairs by their keys, digit by digit from the lowest, keeping the order of equal ones. Only the block may change. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
/* Places of one digit after another: how many pairs have it, where they begin, and each pair to its place. */
static void pass(const uint32_t *keys, const uint32_t *values, uint32_t *to_keys, uint32_t *to_values, int64_t size,
                 int64_t shift, int64_t digits) {
    int64_t place[70000];
    for (int64_t d = 0; d <= digits; d += 1) {
        place[d] = 0;
    }
    for (int64_t i = 0; i < size; i += 1) {
        place[(keys[i] >> shift) % digits + 1] += 1;
    }
    for (int64_t d = 1; d < digits; d += 1) {
        place[d] += place[d - 1];
    }
    for (int64_t i = 0; i < size; i += 1) {
        int64_t d = (keys[i] >> shift) % digits;
        to_keys[place[d]] = keys[i];
        to_values[place[d]] = values[i];
        place[d] += 1;
    }
}

void sort_pairs(uint32_t *keys, int64_t keys_size, uint32_t *values, int64_t values_size) {
    uint32_t *key_scratch = malloc((size_t)keys_size * sizeof(uint32_t));
    uint32_t *value_scratch = malloc((size_t)keys_size * sizeof(uint32_t));
    int64_t bits = 2;
    for (int64_t shift = 0; shift < 32; shift += bits) {
        pass(keys, values, key_scratch, value_scratch, keys_size, shift, 1 << bits);
        for (int64_t i = 0; i < keys_size; i += 1) {
            keys[i] = key_scratch[i];
            values[i] = value_scratch[i];
        }
    }
    free(key_scratch);
    free(value_scratch);
}
/* EVOLVE-BLOCK-END */
