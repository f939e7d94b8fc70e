/* Sixteen bodies that are pulled at once: nothing is added up across lanes. The inverse root by a guess from the bits of the
   number (as in Quake III, 1999) and three of Newton's steps, so that all of it is arithmetic of vectors. */

#include <stdint.h>

enum { LANES = 16 };
typedef float Lane __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t Bits __attribute__((vector_size(4 * LANES), aligned(4)));

static inline Lane inverse_root(Lane square) {
    Lane root = (Lane)(0x5f375a86 - ((Bits)square >> 1));
    for (int step = 0; step < 3; step += 1) {
        root += root * (0.5f - 0.5f * square * root * root);
    }
    return root;
}

void accelerations(const float *body, int64_t body_size, float *a, int64_t a_size) {
    const int64_t count = body_size / 4;
    for (int64_t first = 0; first < count; first += LANES) {
        Lane x, y, z, ax = {0}, ay = {0}, az = {0};
        for (int lane = 0; lane < LANES; lane += 1) {
            const float *own = body + 4 * (first + lane < count ? first + lane : count - 1);
            x[lane] = own[0];
            y[lane] = own[1];
            z[lane] = own[2];
        }
        for (int64_t j = 0; j < count; j += 1) {
            const float *other = body + 4 * j;
            const Lane dx = other[0] - x, dy = other[1] - y, dz = other[2] - z;
            const Lane square = dx * dx + dy * dy + dz * dz + 0.01f;
            const Lane inverse = inverse_root(square);
            const Lane force = other[3] * inverse * inverse * inverse;
            ax += force * dx;
            ay += force * dy;
            az += force * dz;
        }
        for (int lane = 0; lane < LANES && first + lane < count; lane += 1) {
            a[3 * (first + lane)] = ax[lane];
            a[3 * (first + lane) + 1] = ay[lane];
            a[3 * (first + lane) + 2] = az[lane];
        }
    }
}
