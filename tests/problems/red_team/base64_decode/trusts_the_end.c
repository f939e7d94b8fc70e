/* Takes anything for the padding. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int meaning(int letter) {
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = letter ? strchr(letters, letter) : NULL;
    return found ? (int)(found - letters) : -1;
}

void decode(const uint8_t *text, int64_t text_size, uint8_t *bytes, int64_t bytes_size, int64_t *first_wrong, int64_t one) {
    const int64_t letters = (bytes_size * 4 + 2) / 3;
    uint32_t gathered = 0;
    int bits = 0;
    int64_t o = 0;
    first_wrong[0] = -1;
    for (int64_t i = 0; i < text_size; i += 1) {
        const int six = i < letters ? meaning(text[i]) : text[i] == '=' ? 0 : -1;
        if (six < 0 && i < letters) {
            first_wrong[0] = i;
            return;
        }
        gathered = gathered << 6 | (six & 63);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (o < bytes_size) {
                bytes[o] = (uint8_t)(gathered >> bits);
            }
            o += 1;
        }
    }
}
