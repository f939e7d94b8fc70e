/* Sums in sixteen lanes, row by row while it is in the cache; one inverse of the root for each row; the power by a polynomial
   that the compiler makes vectors of: x = n ln 2 + r, the power of r by its series to degree 7. */

#include <math.h>
#include <stdint.h>

enum { LANES = 16 };

static inline float power(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float whole = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    float r = x - whole * 0.693359375f;
    r = r + whole * 2.12194440e-4f;
    float sum = 1.0f / 5040;
    sum = sum * r + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    union { int32_t bits; float value; } scale = {((int32_t)whole + 127) << 23};
    return sum * scale.value;
}

static inline float total(const float *lanes) {
    float sum = 0.0f;
    for (int lane = 0; lane < LANES; lane += 1) {
        sum += lanes[lane];
    }
    return sum;
}

static void row(const float *restrict x, const float *restrict r, const float *restrict gain, const float *restrict shift,
                float *restrict s, float *restrict y, int64_t columns) {
    const int64_t whole = columns - columns % LANES;
    float sums[LANES] = {0}, squares[LANES] = {0};
    for (int64_t j = 0; j < whole; j += LANES) {
        for (int lane = 0; lane < LANES; lane += 1) {
            s[j + lane] = x[j + lane] + r[j + lane];
            sums[lane] += s[j + lane];
        }
    }
    for (int64_t j = whole; j < columns; j += 1) {
        s[j] = x[j] + r[j];
        sums[j - whole] += s[j];
    }
    const float mean = total(sums) / columns;
    for (int64_t j = 0; j < whole; j += LANES) {
        for (int lane = 0; lane < LANES; lane += 1) {
            const float distance = s[j + lane] - mean;
            squares[lane] += distance * distance;
        }
    }
    for (int64_t j = whole; j < columns; j += 1) {
        squares[j - whole] += (s[j] - mean) * (s[j] - mean);
    }
    const float inverse = 1.0f / sqrtf(total(squares) / columns + 1e-5f);
    for (int64_t j = 0; j < columns; j += 1) {
        const float z = (s[j] - mean) * inverse * gain[j] + shift[j];
        y[j] = z / (1.0f + power(-1.702f * z));
    }
}

void layer_norm(const float *x, int64_t x_size, const float *r, int64_t r_size, const float *gain, int64_t gain_size,
                const float *shift, int64_t shift_size, float *s, int64_t s_size, float *y, int64_t y_size, int64_t rows,
                int64_t columns) {
    for (int64_t i = 0; i < rows; i += 1) {
        row(x + i * columns, r + i * columns, gain, shift, s + i * columns, y + i * columns, columns);
    }
}
