/* Sorts 32-bit whole numbers in place, ascending. Only the block between the markers may change. */

#include <stdint.h>
#include <stdlib.h>

/* EVOLVE-BLOCK-START */
void sort(int32_t *values, int64_t size) {
    uint32_t *from = (uint32_t *)values;
    uint32_t *to = malloc(sizeof(uint32_t) * size);
    uint32_t *spare = to;
    for (int shift = 0; shift < 32; shift += 8) {
        int64_t place[257] = {0};
        uint32_t flip = shift == 24 ? 128 : 0;
        for (int64_t i = 0; i < size; i++) {
            place[((from[i] >> shift & 255) ^ flip) + 1]++;
        }
        for (int digit = 0; digit < 256; digit++) {
            place[digit + 1] += place[digit];
        }
        for (int64_t i = 0; i < size; i++) {
            to[place[(from[i] >> shift & 255) ^ flip]++] = from[i];
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    free(spare);
}
/* EVOLVE-BLOCK-END */
