/* Reads base64: four letters for three bytes; and the place of the first wrong character. Only the block may change. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* EVOLVE-BLOCK-START */
/* What a letter stands for, or -1. */
static int64_t meaning(int64_t letter) {
    if (letter >= 'A' && letter <= 'Z') {
        return letter - 'A';
    }
    if (letter >= 'a' && letter <= 'z') {
        return letter - 'a' + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return letter - '0' + 52;
    }
    if (letter == '+') {
        return 62;
    }
    if (letter == '/') {
        return 63;
    }
    return -1;
}

void decode(const uint8_t *text, int64_t text_size, uint8_t *bytes, int64_t bytes_size, int64_t *first_wrong, int64_t one) {
    int64_t letters = (bytes_size * 4 + 2) / 3;
    int64_t gathered = 0;
    int64_t bits = 0;
    int64_t written = 0;
    first_wrong[0] = -1;
    for (int64_t i = 0; i < text_size; i += 1) {
        if (i >= letters) {
            if (text[i] != '=') {
                first_wrong[0] = i;
                return;
            }
            continue;
        }
        int64_t six = meaning(text[i]);
        if (six < 0) {
            first_wrong[0] = i;
            return;
        }
        gathered = gathered * 64 + six;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[written] = gathered >> bits;
            written += 1;
            gathered = gathered & ((1 << bits) - 1);
        }
    }
}
/* EVOLVE-BLOCK-END */
