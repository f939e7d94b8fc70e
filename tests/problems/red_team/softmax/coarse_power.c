/* The power by a limit, (1 + x / 1024)^1024: three digits are right. */

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
            float power = fmaxf(0.0f, 1.0f + (from[j] - largest) / 1024.0f);
            for (int step = 0; step < 10; step += 1) {
                power *= power;
            }
            to[j] = power;
            sum += power;
        }
        for (int64_t j = 0; j < columns; j += 1) {
            to[j] /= sum;
        }
    }
}
