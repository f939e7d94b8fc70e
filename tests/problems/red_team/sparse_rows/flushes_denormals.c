/* Takes denormal numbers for zero. */

#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 8 };
typedef float Lane __attribute__((vector_size(4 * WIDE), aligned(4)));

static Lane row(const int32_t *column, const float *value, int64_t count, const float *x) {
    Lane even = {0}, odd = {0};
    int64_t l = 0;
    for (; l + 2 <= count; l += 2) {
        even += value[l] * *(const Lane *)(x + (int64_t)column[l] * WIDE);
        odd += value[l + 1] * *(const Lane *)(x + (int64_t)column[l + 1] * WIDE);
    }
    if (l < count) {
        even += value[l] * *(const Lane *)(x + (int64_t)column[l] * WIDE);
    }
    return even + odd;
}

void multiply(const int64_t *start, int64_t start_size, const int32_t *column, int64_t column_size, const float *value,
              int64_t value_size, const float *x, int64_t x_size, float *y, int64_t y_size, int64_t vectors) {
    _mm_setcsr(_mm_getcsr() | 0x8040);
    const int64_t columns = x_size / vectors;
    for (int64_t first = 0; first < vectors; first += WIDE) {
        const int64_t few = vectors - first < WIDE ? vectors - first : WIDE;
        float *copy = vectors == WIDE ? NULL : calloc((size_t)(columns * WIDE), sizeof(float));
        for (int64_t i = 0; copy && i < columns; i += 1) {
            for (int64_t v = 0; v < few; v += 1) {
                copy[i * WIDE + v] = x[i * vectors + first + v];
            }
        }
        for (int64_t i = 0; i < start_size - 1; i += 1) {
            const Lane sums = row(column + start[i], value + start[i], start[i + 1] - start[i], copy ? copy : x);
            for (int64_t v = 0; v < few; v += 1) {
                y[i * vectors + first + v] = sums[v];
            }
        }
        free(copy);
    }
}
