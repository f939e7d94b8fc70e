#include <stdio.h>

// EVOLVE-BLOCK-START
double answer(void) {
    return 2.5 * 4.0;
}
// EVOLVE-BLOCK-END

int main(void) {
    printf("%f\n", answer());
    return 0;
}
