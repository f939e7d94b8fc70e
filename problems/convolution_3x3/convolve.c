/* Convolution of several channels with 3 x 3 filters, zero outside of the image. Only the block may change. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
void convolve(const float *x, int64_t x_size, const float *w, int64_t w_size, float *y, int64_t y_size, int64_t inputs,
              int64_t outputs, int64_t height, int64_t width) {
    for (int64_t o = 0; o < outputs; o += 1) {
        for (int64_t i = 0; i < height; i += 1) {
            for (int64_t j = 0; j < width; j += 1) {
                float sum = 0.0f;
                for (int64_t c = 0; c < inputs; c += 1) {
                    for (int64_t u = 0; u < 3; u += 1) {
                        for (int64_t v = 0; v < 3; v += 1) {
                            int64_t row = i + u - 1, column = j + v - 1;
                            if (row >= 0 && row < height && column >= 0 && column < width) {
                                sum += w[((o * inputs + c) * 3 + u) * 3 + v] * x[(c * height + row) * width + column];
                            }
                        }
                    }
                }
                y[(o * height + i) * width + j] = sum;
            }
        }
    }
}
/* EVOLVE-BLOCK-END */
