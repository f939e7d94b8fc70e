/* Running sums modulo 2^32. Only the block may change. */

#include <stdint.h>

/* EVOLVE-BLOCK-START */
void running_sums(const uint32_t *x, int64_t x_size, uint32_t *sums, int64_t sums_size) {
    uint32_t sum = 0;
    for (int64_t i = 0; i < x_size; i += 1) {
        sum += x[i];
        sums[i] = sum;
    }
}
/* EVOLVE-BLOCK-END */
