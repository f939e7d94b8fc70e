/* A filter's value times a whole row of the image, which the compiler makes vectors of; borders by shorter rows. */

#include <stdint.h>
#include <string.h>

static void add_row(float *restrict to, const float *restrict from, float factor, int64_t count) {
    for (int64_t j = 0; j < count; j += 1) {
        to[j] += factor * from[j];
    }
}

void convolve(const float *x, int64_t x_size, const float *w, int64_t w_size, float *y, int64_t y_size, int64_t inputs,
              int64_t outputs, int64_t height, int64_t width) {
    memset(y, 0, (size_t)y_size * sizeof(float));
    for (int64_t o = 0; o < outputs; o += 1) {
        for (int64_t i = 0; i < height; i += 1) {
            float *to = y + (o * height + i) * width;
            for (int64_t c = 0; c < inputs; c += 1) {
                for (int64_t u = i == 0; u < 3 && i + u - 1 < height; u += 1) {
                    const float *from = x + (c * height + i + u - 1) * width;
                    const float *factor = w + ((o * inputs + c) * 3 + u) * 3;
                    add_row(to + 1, from, factor[0], width - 1);
                    add_row(to, from, factor[1], width);
                    add_row(to, from + 1, factor[2], width - 1);
                }
            }
        }
    }
}
