/* Sorts 32-bit whole numbers in place, ascending. Only the block between the markers may change. */

#include <stdint.h>

/* EVOLVE-BLOCK-START */
/* Insertion sort of every gap-th value. */
static void pass(int32_t *values, int64_t size, int64_t gap) {
    for (int64_t i = gap; i < size; i += 1) {
        int32_t value = values[i];
        int64_t hole = i;
        while (hole >= gap && values[hole - gap] > value) {
            values[hole] = values[hole - gap];
            hole -= gap;
        }
        values[hole] = value;
    }
}

void sort(int32_t *values, int64_t size) {
    pass(values, size, 8);
    pass(values, size, 1);
}
/* EVOLVE-BLOCK-END */
