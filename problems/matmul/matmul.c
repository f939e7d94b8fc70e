/* c = a b in single precision, row by row: a is n x k, b is k x m, c is n x m. Only the block may change. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
void matmul(const float *a, int64_t a_size, const float *b, int64_t b_size, float *c, int64_t c_size, int64_t n, int64_t k,
            int64_t m) {
    for (int64_t i = 0; i < n; i += 1) {
        for (int64_t j = 0; j < m; j += 1) {
            float sum = 0.0f;
            for (int64_t l = 0; l < k; l += 1) {
                sum += a[i * k + l] * b[l * m + j];
            }
            c[i * m + j] = sum;
        }
    }
}
/* EVOLVE-BLOCK-END */
