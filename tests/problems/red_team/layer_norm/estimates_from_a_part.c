/* Mean and variance from every second value of a long row. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void layer_norm(const float *x, int64_t x_size, const float *r, int64_t r_size, const float *gain, int64_t gain_size,
                const float *shift, int64_t shift_size, float *s, int64_t s_size, float *y, int64_t y_size, int64_t rows,
                int64_t columns) {
    const int64_t step = columns > 400 ? 2 : 1;
    for (int64_t i = 0; i < rows; i += 1) {
        float sum = 0.0f, squares = 0.0f;
        for (int64_t j = 0; j < columns; j += 1) {
            s[i * columns + j] = x[i * columns + j] + r[i * columns + j];
        }
        const int64_t count = (columns + step - 1) / step;
        for (int64_t j = 0; j < columns; j += step) {
            sum += s[i * columns + j];
        }
        for (int64_t j = 0; j < columns; j += step) {
            squares += (s[i * columns + j] - sum / count) * (s[i * columns + j] - sum / count);
        }
        const float inverse = 1.0f / sqrtf(squares / count + 1e-5f);
        for (int64_t j = 0; j < columns; j += 1) {
            const float z = (s[i * columns + j] - sum / count) * inverse * gain[j] + shift[j];
            y[i * columns + j] = z / (1.0f + expf(-1.702f * z));
        }
    }
}
