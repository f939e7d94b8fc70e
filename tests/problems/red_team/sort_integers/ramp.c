#include <stdint.h>

/* Ascending from the smallest to the largest value, made up between. */
void sort(int32_t *values, int64_t size) {
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (int64_t i = 0; i < size; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    for (int64_t i = 0; i < size; i++) {
        values[i] = size == 1 ? low : low + ((int64_t)high - low) * i / (size - 1);
    }
}
