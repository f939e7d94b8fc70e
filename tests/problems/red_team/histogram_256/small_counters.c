/* Counts in sixteen bits: right but for values that are there too often. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void histogram(const uint8_t *x, int64_t x_size, uint32_t *counts, int64_t counts_size) {
    uint16_t small[256] = {0};
    for (int64_t i = 0; i < x_size; i += 1) {
        small[x[i]] += 1;
    }
    for (int v = 0; v < 256; v += 1) {
        counts[v] = small[v];
    }
}
