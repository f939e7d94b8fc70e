/* Adds up at most a hundred values of a row. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void multiply(const int64_t *start, int64_t start_size, const int32_t *column, int64_t column_size, const float *value,
              int64_t value_size, const float *x, int64_t x_size, float *y, int64_t y_size, int64_t vectors) {
    for (int64_t i = 0; i < start_size - 1; i += 1) {
        for (int64_t v = 0; v < vectors; v += 1) {
            float sum = 0.0f;
            for (int64_t l = start[i]; l < start[i + 1] && l < start[i] + 100; l += 1) {
                sum += value[l] * x[column[l] * vectors + v];
            }
            y[i * vectors + v] = sum;
        }
    }
}
