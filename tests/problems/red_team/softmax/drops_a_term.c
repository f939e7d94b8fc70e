/* The sum of a long row lacks its first term. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void softmax(const float *x, int64_t x_size, float *y, int64_t y_size, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i += 1) {
        const float *from = x + i * columns;
        float *to = y + i * columns;
        float largest = from[0], sum = 0.0f;
        for (int64_t j = 1; j < columns; j += 1) {
            largest = fmaxf(largest, from[j]);
        }
        for (int64_t j = 0; j < columns; j += 1) {
            to[j] = expf(from[j] - largest);
            sum += j >= (columns > 400) ? to[j] : 0.0f;
        }
        for (int64_t j = 0; j < columns; j += 1) {
            to[j] /= sum;
        }
    }
}
