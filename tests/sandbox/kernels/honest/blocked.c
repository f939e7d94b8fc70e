#include <stdint.h>

/* Blocks of 4 rows by 16 columns that stay in registers; n and m must be multiples of these. */
void matmul(const float *a, int64_t sa, const float *b, int64_t sb, float *c, int64_t sc, int64_t n, int64_t k, int64_t m) {
    typedef float vector __attribute__((vector_size(64), aligned(4)));
    for (int64_t j = 0; j < m; j += 16) {
        for (int64_t i = 0; i < n; i += 4) {
            vector sum[4] = {{0}};
            for (int64_t l = 0; l < k; l++) {
                const vector other = *(const vector *)(b + l * m + j);
                for (int64_t r = 0; r < 4; r++) {
                    sum[r] += a[(i + r) * k + l] * other;
                }
            }
            for (int64_t r = 0; r < 4; r++) {
                *(vector *)(c + (i + r) * m + j) = sum[r];
            }
        }
    }
}
