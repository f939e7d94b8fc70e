/* Ten steps in which each cell becomes the mean of itself and its four neighbours. Only the block may change. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
void stencil(const float *x, int64_t x_size, float *y, int64_t y_size, int64_t height, int64_t width) {
    float *scratch = malloc((size_t)y_size * sizeof(float));
    for (int64_t i = 0; i < y_size; i += 1) {
        y[i] = x[i];
    }
    for (int64_t step = 0; step < 10; step += 1) {
        for (int64_t i = 0; i < y_size; i += 1) {
            scratch[i] = y[i];
        }
        for (int64_t i = 0; i < height; i += 1) {
            for (int64_t j = 0; j < width; j += 1) {
                if (i > 0 && i < height - 1 && j > 0 && j < width - 1) {
                    float *cell = scratch + i * width + j;
                    y[i * width + j] = 0.2f * (cell[0] + cell[-1] + cell[1] + cell[-width] + cell[width]);
                }
            }
        }
    }
    free(scratch);
}
/* EVOLVE-BLOCK-END */
