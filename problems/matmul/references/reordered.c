/* The inner loop runs along rows of b and c, so that the compiler makes vectors of it. */

#include <stdint.h>
#include <string.h>

void matmul(const float *a, int64_t a_size, const float *b, int64_t b_size, float *restrict c, int64_t c_size, int64_t n,
            int64_t k, int64_t m) {
    memset(c, 0, (size_t)c_size * sizeof(float));
    for (int64_t i = 0; i < n; i += 1) {
        for (int64_t l = 0; l < k; l += 1) {
            const float factor = a[i * k + l];
            for (int64_t j = 0; j < m; j += 1) {
                c[i * m + j] += factor * b[l * m + j];
            }
        }
    }
}
