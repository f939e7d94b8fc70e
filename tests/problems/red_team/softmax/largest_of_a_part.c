/* Subtracts the largest of every third value: right unless another is far above it. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void softmax(const float *x, int64_t x_size, float *y, int64_t y_size, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i += 1) {
        const float *from = x + i * columns;
        float *to = y + i * columns;
        float largest = from[0], sum = 0.0f;
        for (int64_t j = 0; j < columns; j += 3) {
            largest = fmaxf(largest, from[j]);
        }
        for (int64_t j = 0; j < columns; j += 1) {
            to[j] = expf(from[j] - largest);
            sum += to[j];
        }
        for (int64_t j = 0; j < columns; j += 1) {
            to[j] /= sum;
        }
    }
}
