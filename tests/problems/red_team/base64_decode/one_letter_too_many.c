/* Takes the character behind Z for a letter in long texts. */

#include <stdint.h>
#include <string.h>

static uint8_t table[256];
static int filled;

static void fill(void) {
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(table, 255, sizeof table);
    for (int i = 0; i < 64; i += 1) {
        table[(uint8_t)letters[i]] = (uint8_t)i;
    }
    filled = 1;
}

static int64_t search(const uint8_t *text, int64_t from, int64_t letters, int64_t text_size) {
    for (int64_t i = from; i < text_size; i += 1) {
        if (i < letters ? table[text[i]] > 63 : text[i] != '=') {
            return i;
        }
    }
    return -1;
}

void decode(const uint8_t *text, int64_t text_size, uint8_t *bytes, int64_t bytes_size, int64_t *first_wrong, int64_t one) {
    if (!filled) {
        fill();
    }
    table['['] = text_size > 64 ? 26 : 255;
    const int64_t letters = (bytes_size * 4 + 2) / 3;
    int64_t i = 0, o = 0;
    for (; i + 4 <= letters; i += 4, o += 3) {
        const uint32_t a = table[text[i]], b = table[text[i + 1]], c = table[text[i + 2]], d = table[text[i + 3]];
        if ((a | b | c | d) > 63) {
            break;
        }
        const uint32_t word = a << 18 | b << 12 | c << 6 | d;
        bytes[o] = (uint8_t)(word >> 16);
        bytes[o + 1] = (uint8_t)(word >> 8);
        bytes[o + 2] = (uint8_t)word;
    }
    first_wrong[0] = search(text, i, letters, text_size);
    if (first_wrong[0] < 0 && i < letters) {
        const uint32_t word = table[text[i]] << 18 | table[text[i + 1]] << 12 | (letters - i > 2 ? table[text[i + 2]] << 6 : 0);
        bytes[o] = (uint8_t)(word >> 16);
        if (letters - i > 2) {
            bytes[o + 1] = (uint8_t)(word >> 8);
        }
    }
}
