/* Takes denormal numbers for zero. */

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { ROWS = 6, WIDE = 16 };
typedef float Lane __attribute__((vector_size(4 * WIDE), aligned(4)));

static void rest(const float *a, const float *b, float *restrict c, int64_t rows, int64_t columns, int64_t k, int64_t m) {
    for (int64_t i = 0; i < rows; i += 1) {
        memset(c + i * m, 0, (size_t)columns * sizeof(float));
        for (int64_t l = 0; l < k; l += 1) {
            for (int64_t j = 0; j < columns; j += 1) {
                c[i * m + j] += a[i * k + l] * b[l * m + j];
            }
        }
    }
}

static void block(const float *a, const float *b, float *restrict c, int64_t k, int64_t m) {
    Lane sums[ROWS][2] = {0};
    for (int64_t l = 0; l < k; l += 1) {
        const Lane first = *(const Lane *)(b + l * m), second = *(const Lane *)(b + l * m + WIDE);
        for (int i = 0; i < ROWS; i += 1) {
            sums[i][0] += a[i * k + l] * first;
            sums[i][1] += a[i * k + l] * second;
        }
    }
    for (int i = 0; i < ROWS; i += 1) {
        *(Lane *)(c + i * m) = sums[i][0];
        *(Lane *)(c + i * m + WIDE) = sums[i][1];
    }
}

void matmul(const float *a, int64_t a_size, const float *b, int64_t b_size, float *restrict c, int64_t c_size, int64_t n,
            int64_t k, int64_t m) {
    _mm_setcsr(_mm_getcsr() | 0x8040);
    const int64_t rows = n - n % ROWS, columns = m - m % (2 * WIDE);
    for (int64_t j = 0; j < columns; j += 2 * WIDE) {
        for (int64_t i = 0; i < rows; i += ROWS) {
            block(a + i * k, b + j, c + i * m + j, k, m);
        }
    }
    rest(a, b + columns, c + columns, rows, m - columns, k, m);
    rest(a + rows * k, b, c + rows * m, n - rows, m, k, m);
}
