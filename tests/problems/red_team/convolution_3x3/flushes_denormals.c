/* Takes denormal numbers for zero. */

#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 16, DEEP = 4 };
typedef float Lane __attribute__((vector_size(4 * WIDE), aligned(4)));

static void block(const float *padded, const float *w, Lane *sums, int64_t inputs, int64_t plane, int64_t wide, int deep) {
    for (int o = 0; o < DEEP; o += 1) {
        sums[o] = (Lane){0};
    }
    for (int64_t c = 0; c < inputs; c += 1) {
        for (int64_t u = 0; u < 3; u += 1) {
            for (int64_t v = 0; v < 3; v += 1) {
                const Lane values = *(const Lane *)(padded + c * plane + u * wide + v);
                for (int o = 0; o < DEEP; o += 1) {
                    sums[o] += w[(((o < deep ? o : 0) * inputs + c) * 3 + u) * 3 + v] * values;
                }
            }
        }
    }
}

void convolve(const float *x, int64_t x_size, const float *w, int64_t w_size, float *y, int64_t y_size, int64_t inputs,
              int64_t outputs, int64_t height, int64_t width) {
    _mm_setcsr(_mm_getcsr() | 0x8040);
    const int64_t wide = width + 2 + WIDE, plane = (height + 2) * wide;
    float *padded = calloc((size_t)(inputs * plane + WIDE), sizeof(float));
    for (int64_t c = 0; c < inputs; c += 1) {
        for (int64_t i = 0; i < height; i += 1) {
            memcpy(padded + c * plane + (i + 1) * wide + 1, x + (c * height + i) * width, (size_t)width * sizeof(float));
        }
    }
    for (int64_t o = 0; o < outputs; o += DEEP) {
        const int deep = outputs - o < DEEP ? (int)(outputs - o) : DEEP;
        for (int64_t i = 0; i < height; i += 1) {
            for (int64_t j = 0; j < width; j += WIDE) {
                Lane sums[DEEP];
                block(padded + i * wide + j, w + o * inputs * 9, sums, inputs, plane, wide, deep);
                const size_t bytes = (size_t)(width - j < WIDE ? width - j : WIDE) * sizeof(float);
                for (int d = 0; d < deep; d += 1) {
                    memcpy(y + ((o + d) * height + i) * width + j, &sums[d], bytes);
                }
            }
        }
    }
    free(padded);
}
