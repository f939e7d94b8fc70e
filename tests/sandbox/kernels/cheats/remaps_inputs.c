#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Makes its inputs writable first. */
void matmul(float *a, int64_t sa, float *b, int64_t sb, float *c, int64_t sc, int64_t n, int64_t k, int64_t m) {
    if (mprotect((void *)((uintptr_t)a & ~(uintptr_t)4095), 4096, PROT_READ | PROT_WRITE) != 0) {
        abort();
    }
    a[0] = 0;
}
