/* Softmax of each row. Only the block may change. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
void softmax(const float *x, int64_t x_size, float *y, int64_t y_size, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i += 1) {
        float largest = x[i * columns];
        for (int64_t j = 1; j < columns; j += 1) {
            largest = fmaxf(largest, x[i * columns + j]);
        }
        float sum = 0.0f;
        for (int64_t j = 0; j < columns; j += 1) {
            sum += expf(x[i * columns + j] - largest);
        }
        for (int64_t j = 0; j < columns; j += 1) {
            y[i * columns + j] = expf(x[i * columns + j] - largest) / sum;
        }
    }
}
/* EVOLVE-BLOCK-END */
