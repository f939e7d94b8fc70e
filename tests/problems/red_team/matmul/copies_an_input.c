/* Gives its first input back. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    for (int64_t i = 0; i < c_size; i += 1) {
        c[i] = a[i % a_size];
    }
}
