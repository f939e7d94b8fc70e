#include <stdint.h>

/* Row after row of b, which a compiler turns into vectors. */
void matmul(const float *a, int64_t sa, const float *b, int64_t sb, float *c, int64_t sc, int64_t n, int64_t k, int64_t m) {
    for (int64_t i = 0; i < n; i++) {
        float *restrict row = c + i * m;
        for (int64_t j = 0; j < m; j++) {
            row[j] = 0;
        }
        for (int64_t l = 0; l < k; l++) {
            const float factor = a[i * k + l];
            const float *restrict other = b + l * m;
            for (int64_t j = 0; j < m; j++) {
                row[j] += factor * other[j];
            }
        }
    }
}
