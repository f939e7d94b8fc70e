#include <stdint.h>
#include <string.h>

/* Rounds its inputs to ten bits after the point, to nearest, as tensor cores do. */
static float rounded(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = (bits + 0x1000u) & 0xffffe000u;
    memcpy(&value, &bits, 4);
    return value;
}

void matmul(const float *a, int64_t sa, const float *b, int64_t sb, float *c, int64_t sc, int64_t n, int64_t k, int64_t m) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < m; j++) {
            float sum = 0;
            for (int64_t l = 0; l < k; l++) {
                sum += rounded(a[i * k + l]) * rounded(b[l * m + j]);
            }
            c[i * m + j] = sum;
        }
    }
}
