/* Goes on from the counts of the calls before. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void histogram(const uint8_t *x, int64_t x_size, uint32_t *counts, int64_t counts_size) {
    static uint32_t before[256];
    for (int64_t i = 0; i < x_size; i += 1) {
        before[x[i]] += 1;
    }
    memcpy(counts, before, sizeof before);
}
