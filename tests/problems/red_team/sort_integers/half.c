#include <stdint.h>

/* Sorts the first half only. */
void sort(int32_t *values, int64_t size) {
    for (int64_t i = 1; i < size / 2; i++) {
        int32_t value = values[i];
        int64_t hole = i;
        while (hole > 0 && values[hole - 1] > value) {
            values[hole] = values[hole - 1];
            hole -= 1;
        }
        values[hole] = value;
    }
}
