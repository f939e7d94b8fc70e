/* Beyond a border it takes the value at the border. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static float at(const float *x, int64_t c, int64_t i, int64_t j, int64_t height, int64_t width) {
    i = i < 0 ? 0 : i >= height ? height - 1 : i;
    j = j < 0 ? 0 : j >= width ? width - 1 : j;
    return x[(c * height + i) * width + j];
}

void convolve(const float *x, int64_t x_size, const float *w, int64_t w_size, float *y, int64_t y_size, int64_t inputs,
              int64_t outputs, int64_t height, int64_t width) {
    for (int64_t o = 0; o < outputs; o += 1) {
        for (int64_t i = 0; i < height; i += 1) {
            for (int64_t j = 0; j < width; j += 1) {
                float sum = 0.0f;
                for (int64_t c = 0; c < inputs; c += 1) {
                    for (int64_t u = 0; u < 3; u += 1) {
                        for (int64_t v = 0; v < 3; v += 1) {
                            sum += w[((o * inputs + c) * 3 + u) * 3 + v] * at(x, c, i + u - 1, j + v - 1, height, width);
                        }
                    }
                }
                y[(o * height + i) * width + j] = sum;
            }
        }
    }
}
