/* Accelerations of bodies by the gravity of all others, softened. Only the block may change. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
void accelerations(const float *body, int64_t body_size, float *a, int64_t a_size) {
    int64_t count = body_size / 4;
    for (int64_t i = 0; i < count; i += 1) {
        float ax = 0.0f, ay = 0.0f, az = 0.0f;
        for (int64_t j = 0; j < count; j += 1) {
            float dx = body[4 * j] - body[4 * i];
            float dy = body[4 * j + 1] - body[4 * i + 1];
            float dz = body[4 * j + 2] - body[4 * i + 2];
            float square = dx * dx + dy * dy + dz * dz + 0.01f;
            float force = body[4 * j + 3] / (square * sqrtf(square));
            ax += force * dx;
            ay += force * dy;
            az += force * dz;
        }
        a[3 * i] = ax;
        a[3 * i + 1] = ay;
        a[3 * i + 2] = az;
    }
}
/* EVOLVE-BLOCK-END */
