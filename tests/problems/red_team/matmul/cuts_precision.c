/* Rounds its inputs to the sixteen leading bits of a float. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static float cut(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits &= 0xffff0000u;
    memcpy(&value, &bits, 4);
    return value;
}

static void product(const float *a, const float *b, float *c, int64_t n, int64_t k, int64_t from, int64_t m) {
    memset(c, 0, (size_t)(n * m) * sizeof(float));
    for (int64_t i = 0; i < n; i += 1) {
        for (int64_t l = from; l < k; l += 1) {
            for (int64_t j = 0; j < m; j += 1) {
                c[i * m + j] += a[i * k + l] * b[l * m + j];
            }
        }
    }
}

void matmul(const float *a, int64_t a_size, const float *b, int64_t b_size, float *c, int64_t c_size, int64_t n, int64_t k,
            int64_t m) {
    float *x = malloc((size_t)a_size * sizeof(float)), *y = malloc((size_t)b_size * sizeof(float));
    for (int64_t i = 0; i < a_size; i += 1) {
        x[i] = cut(a[i]);
    }
    for (int64_t i = 0; i < b_size; i += 1) {
        y[i] = cut(b[i]);
    }
    product(x, y, c, n, k, 0, m);
    free(x);
    free(y);
}
