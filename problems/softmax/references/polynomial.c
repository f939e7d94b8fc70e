/* The power by a polynomial that the compiler makes vectors of: x = n ln 2 + r, the power of r by its series to degree 7. */

#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

static inline float power(float x) {
    /* Below this the result is less than what single precision can tell from zero. */
    x = x < -87.0f ? -87.0f : x;
    const float shifted = x * 1.44269504f + 12582912.0f;
    const float whole = shifted - 12582912.0f;
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

void softmax(const float *restrict x, int64_t x_size, float *restrict y, int64_t y_size, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i += 1) {
        const float *restrict from = x + i * columns;
        float *restrict to = y + i * columns;
        const int64_t whole = columns - columns % LANES;
        float top[LANES], sums[LANES] = {0};
        for (int lane = 0; lane < LANES; lane += 1) {
            top[lane] = from[0];
        }
        for (int64_t j = 0; j < whole; j += LANES) {
            for (int lane = 0; lane < LANES; lane += 1) {
                top[lane] = from[j + lane] > top[lane] ? from[j + lane] : top[lane];
            }
        }
        float largest = top[0];
        for (int lane = 1; lane < LANES; lane += 1) {
            largest = top[lane] > largest ? top[lane] : largest;
        }
        for (int64_t j = whole; j < columns; j += 1) {
            largest = from[j] > largest ? from[j] : largest;
        }
        for (int64_t j = 0; j < whole; j += LANES) {
            for (int lane = 0; lane < LANES; lane += 1) {
                to[j + lane] = power(from[j + lane] - largest);
                sums[lane] += to[j + lane];
            }
        }
        float sum = 0.0f;
        for (int lane = 0; lane < LANES; lane += 1) {
            sum += sums[lane];
        }
        for (int64_t j = whole; j < columns; j += 1) {
            to[j] = power(from[j] - largest);
            sum += to[j];
        }
        const float inverse = 1.0f / sum;
        for (int64_t j = 0; j < columns; j += 1) {
            to[j] *= inverse;
        }
    }
}
