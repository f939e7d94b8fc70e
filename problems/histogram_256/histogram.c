/* Counts how often each value is among bytes. Only the block may change. */

#include <stdint.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
void histogram(const uint8_t *x, int64_t x_size, uint32_t *counts, int64_t counts_size) {
    for (int64_t v = 0; v < counts_size; v += 1) {
        counts[v] = 0;
    }
    for (int64_t i = 0; i < x_size; i += 1) {
        counts[x[i]] += 1;
    }
}
/* EVOLVE-BLOCK-END */
