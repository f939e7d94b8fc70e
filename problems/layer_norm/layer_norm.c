/* Sum of two arrays, each row brought to mean 0 and variance 1, scaled and shifted, then GELU. Only the block may change. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
void layer_norm(const float *x, int64_t x_size, const float *r, int64_t r_size, const float *gain, int64_t gain_size,
                const float *shift, int64_t shift_size, float *s, int64_t s_size, float *y, int64_t y_size, int64_t rows,
                int64_t columns) {
    for (int64_t i = 0; i < s_size; i += 1) {
        s[i] = x[i] + r[i];
    }
    for (int64_t i = 0; i < rows; i += 1) {
        float sum = 0.0f;
        for (int64_t j = 0; j < columns; j += 1) {
            sum += s[i * columns + j];
        }
        float mean = sum / columns;
        float squares = 0.0f;
        for (int64_t j = 0; j < columns; j += 1) {
            float distance = s[i * columns + j] - mean;
            squares += distance * distance;
        }
        float variance = squares / columns;
        for (int64_t j = 0; j < columns; j += 1) {
            float z = (s[i * columns + j] - mean) / sqrtf(variance + 1e-5f) * gain[j] + shift[j];
            y[i * columns + j] = z / (1.0f + expf(-1.702f * z));
        }
    }
}
/* EVOLVE-BLOCK-END */
