/* Reads cells that the same step has already changed. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void stencil(const float *x, int64_t x_size, float *y, int64_t y_size, int64_t height, int64_t width) {
    float *kept = malloc((size_t)y_size * sizeof(float));
    float *scratch = kept;
    memcpy(y, x, (size_t)x_size * sizeof(float));
    for (int64_t step = 0; step < 10; step += 1) {
        scratch = y;
        for (int64_t i = 1; i < height - 1; i += 1) {
            for (int64_t j = 1; j < width - 1; j += 1) {
                const float *cell = scratch + i * width + j;
                y[i * width + j] = 0.2f * (cell[0] + cell[-1] + cell[1] + cell[-width] + cell[width]);
            }
        }
    }
    free(kept);
}
