"""Programs that are mutated in tests."""

from evolution.language import Language

RULE = '''"""An update rule."""

import numpy as np

# EVOLVE-BLOCK-START
LR = 0.1


def init(p: np.ndarray) -> list[np.ndarray]:
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int) -> tuple:
    """One step."""
    m, v = state
    p = p - lr * g  # the step
    return p, [m, v]


# EVOLVE-BLOCK-END


def step(p, g, state):
    return update(p, g, state, LR, 1)
'''

WORDS = ("np.sign(a)", "np.sqrt(np.abs(a))", "a / (np.sqrt(b) + 1e-8)")

INNER = '''"""Twenty numbers in a block that starts within a function; \u00e4 and \u4e2d before it on the line."""


def solve(scale=2.0):
    note = "\u4e2d\u6587"; first = scale
    # EVOLVE-BLOCK-START
    values = [0.0, 0.1, -0.2, 0.3]
    for i in range(12):
        if i < 3 and first > 0.5:
            values.append((first + i) * 0.25)
        else:
            values[-1] += 0.5
    text = f"{first:.3f} \u4e2d"; total = -1.5
    total = total ** 2 + sum(v * 2 for v in values if v >= 0)
    # EVOLVE-BLOCK-END
    return values, text, total, note
'''

SORT = """#include <stdint.h>
/* EVOLVE-BLOCK-START */
static void pass(int32_t *values, int64_t size, int64_t gap) {
    for (int64_t i = gap; i < size; i += 1) {
        int32_t value = values[i];  // kept
        int64_t hole = i;
        while (hole >= gap && values[hole - gap] > value) {
            values[hole] = values[hole - gap];
            hole -= gap;
        }
        values[hole] = value;
    }
}

void sort(int32_t *values, int64_t size) {
    pass(values, size, 8);
    pass(values, size, 1);
}
/* EVOLVE-BLOCK-END */
int fixed(void) { return 3 + 4; }
"""

FILTER = """#include <cstdint>
#include <vector>
// EVOLVE-BLOCK-START
template <typename T>
static T mixed(T before, T now, double share) {
    return static_cast<T>(share * before + (1 - share) * now);
}

extern "C" void smooth(double *x, int64_t size) {
    std::vector<double> kept(x, x + size);
    double level = 0.5;
    for (int64_t i = 1; i < size; i++) {
        level = mixed<double>(level, kept[i], 0.25);
        x[i] = level * 1'000;
    }
    std::vector<std::vector<double>> unused(8);
    const char *note = R"(1 // 2 " 3)";
}
// EVOLVE-BLOCK-END
extern "C" int fixed(void) { return 3 + 4; }
"""

COUNT = """// EVOLVE-BLOCK-START
fn weight<'a>(text: &'a str) -> u64 { text.len() as u64 * 3 }

#[no_mangle]
pub extern "C" fn count(x: *const u8, size: i64, found: *mut i64, _one: i64) {
    let bytes = unsafe { std::slice::from_raw_parts(x, size as usize) };
    let most = (0..10).map(|i| i * 2).max().unwrap_or(1_000); /* a /* nested */ comment */
    let marks = bytes.iter().filter(|&&b| b == b'"' || b == b'\\'').count() as i64;
    unsafe { *found = marks + most + weight(r#"a "quoted" // text"#) as i64 };
}
// EVOLVE-BLOCK-END
"""

PARENTS: dict[str, tuple[dict[str, str], Language]] = {
    "rule": ({"rule.py": RULE}, Language.PYTHON),
    "inner": ({"inner.py": INNER}, Language.PYTHON),
    "windows": ({"rule.py": RULE.replace("\n", "\r\n")}, Language.PYTHON),
    "two files": ({"a.py": INNER, "b.py": RULE}, Language.PYTHON),
    "c": ({"sort.c": SORT}, Language.C),
    "c++": ({"filter.cpp": FILTER}, Language.CPP),
}
