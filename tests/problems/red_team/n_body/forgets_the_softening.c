/* Without the softening: nearly right far away, and no number where bodies meet. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void accelerations(const float *body, int64_t body_size, float *a, int64_t a_size) {
    const int64_t count = body_size / 4;
    for (int64_t i = 0; i < count; i += 1) {
        float sums[3] = {0.0f, 0.0f, 0.0f};
        for (int64_t j = 0; j < count; j += 1) {
            float apart[3], square = 0.0f;
            for (int axis = 0; axis < 3; axis += 1) {
                apart[axis] = body[4 * j + axis] - body[4 * i + axis];
                square += apart[axis] * apart[axis];
            }
            if (0) {
                continue;
            }
            const float force = body[4 * j + 3] * (1.0f / (square * sqrtf(square)));
            for (int axis = 0; axis < 3; axis += 1) {
                sums[axis] += force * apart[axis];
            }
        }
        memcpy(a + 3 * i, sums, sizeof sums);
    }
}
