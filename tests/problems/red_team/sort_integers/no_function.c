#include <stdint.h>

/* Another name. */
void order(int32_t *values, int64_t size) {}
