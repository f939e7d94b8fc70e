"""What the sandbox is tested with in each compiled language: the same deeds, honest and hostile."""

from evolution.language import Language

C, CPP, RUST = Language.C, Language.CPP, Language.RUST

PARTS = {"part.h": "#define FACTOR 2\n", "part.rs": "pub const FACTOR: f64 = 2.0;\n"}
"""Fixed files beside the program, which the honest one uses."""

_SUM_C = """
#include <stdint.h>
#include "part.h"
void f(double *x, int64_t size, int64_t *n, int64_t one, int64_t two, double half) {
    for (int64_t i = 0; i < size; i++) x[i] = FACTOR * x[i] + two * half;
    n[0] = size + one;
}
"""
SUM = {
    C: _SUM_C,
    CPP: """
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>
#include "part.h"
extern "C" void f(double *x, int64_t size, int64_t *n, int64_t one, int64_t two, double half) {
    auto copy = std::make_unique<std::vector<double>>(x, x + size);
    std::transform(copy->begin(), copy->end(), x, [=](double value) { return FACTOR * value + two * half; });
    n[0] = size + one;
}
""",
    RUST: """
mod part;
#[no_mangle]
pub extern "C" fn f(x: *mut f64, size: i64, n: *mut i64, one: i64, two: i64, half: f64) {
    let values = unsafe { std::slice::from_raw_parts_mut(x, size as usize) };
    let copy: Vec<f64> = values.to_vec();
    for (value, old) in values.iter_mut().zip(copy) {
        *value = part::FACTOR * old + two as f64 * half;
    }
    unsafe { *n = size + one };
}
""",
}


def function(language: Language, body: str, head: str = "") -> str:
    """A program whose function `f` has this body; in Rust it is unsafe."""
    if language is RUST:
        return f'{head}\n#[no_mangle]\npub extern "C" fn f() {{ unsafe {{ {body} }} }}\n'
    export = 'extern "C" ' if language is CPP else ""
    return f"{head}\n{export}void f(void) {{ {body} }}\n"


NONSENSE = {language: function(language, "return nonsense;") for language in (C, CPP, RUST)}
HIDDEN = {
    C: "static void f(void) {}\nvoid g(void) { f(); }\n",
    CPP: "void f() {}\n",
    RUST: "pub fn f() {}\n",
}
"""No function `f` that could be called."""

_GLIBC = """
extern "C" {
    fn fork() -> i32;
    fn system(command: *const u8) -> i32;
    fn open(path: *const u8, flags: i32) -> i32;
    fn abort() -> !;
}
"""
CRASH = {
    C: function(C, "*(volatile int *)0 = 1;"),
    CPP: function(CPP, "*(volatile int *)0 = 1;"),
    RUST: function(RUST, "std::ptr::null_mut::<i32>().write_volatile(1);").replace(
        "{ unsafe", "{ #[allow(deref_nullptr)] unsafe"
    ),
}
ENDLESS_CALL = {
    C: function(C, "for (;;) x++;", "volatile int x;"),
    CPP: function(CPP, "for (;;) x = x + 1;", "volatile int x;"),
    RUST: function(RUST, "loop { std::ptr::addr_of_mut!(X).write_volatile(1); }", "static mut X: i32 = 0;"),
}


def at_load(language: Language, body: str, head: str = "") -> str:
    """A program that does this when it is loaded, before any of its functions is called."""
    if language is RUST:
        hook = '#[used]\n#[link_section = ".init_array"]\nstatic HOOK: extern "C" fn() = at_load;\n'
        return function(RUST, "", f'{head}\nextern "C" fn at_load() {{ unsafe {{ {body} }} }}\n{hook}')
    if language is CPP:
        return function(CPP, "", f"{head}\nstruct Hook {{ Hook() {{ {body} }} }};\nstatic Hook hook;")
    return function(C, "", f"{head}\n__attribute__((constructor)) static void at_load(void) {{ {body} }}")


ENDLESS_LOAD = {
    C: at_load(C, "for (;;) x++;", "volatile int x;"),
    CPP: at_load(CPP, "for (;;) x = x + 1;", "volatile int x;"),
    RUST: at_load(RUST, "loop { std::ptr::addr_of_mut!(X).write_volatile(1); }", "static mut X: i32 = 0;"),
}

_STARTS_C = """
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static void *run(void *x) { return x; }
static void start(void) {
    pthread_t thread;
    if (fork() >= 0 || system("true") == 0 || pthread_create(&thread, 0, run, 0) == 0) abort();
    if (open("/etc/passwd", O_RDONLY) >= 0 || open("/problem/judge.py", O_RDONLY) >= 0) abort();
    if (open("/etc/left", O_CREAT | O_WRONLY, 0600) >= 0) abort();
}
"""
_STARTS_RUST = f"""
{_GLIBC}
unsafe fn start() {{
    if fork() >= 0 || system(c"true".as_ptr().cast()) == 0 {{ abort() }}
    if std::thread::Builder::new().spawn(|| ()).is_ok() {{ abort() }}
    if std::process::Command::new("/usr/bin/true").spawn().is_ok() {{ abort() }}
    if std::fs::read("/etc/passwd").is_ok() || std::fs::read("/problem/judge.py").is_ok() {{ abort() }}
    if std::fs::write("/etc/left", "x").is_ok() {{ abort() }}
}}
"""
STARTS = {C: _STARTS_C, CPP: _STARTS_C, RUST: _STARTS_RUST}
"""A function `start` that tries to start processes and threads and to reach files, and aborts where it can."""

_INCLUDES_ITSELF = """
#if __INCLUDE_LEVEL__ < 190
#include __FILE__
#include __FILE__
#endif
"""
_MACRO_BOMB = "\n".join(
    ["#define A0 1,1,1,1,1,1,1,1", *(f"#define A{i + 1} A{i},A{i},A{i},A{i},A{i},A{i},A{i},A{i}" for i in range(9))]
)
_TEMPLATE_BOMB = """
template <int N, long M> struct Bomb { static const long value = Bomb<N - 1, 2 * M>::value + Bomb<N - 1, 2 * M + 1>::value; };
template <long M> struct Bomb<0, M> { static const long value = M; };
long bomb = Bomb<60, 0>::value;
"""
_CONSTEXPR_BOMB = """
constexpr long turn(long n) { long sum = 0; for (long i = 0; i < 200000; i++) sum += i * n; return sum; }
template <int N> struct Turns { static constexpr long value = turn(N) + Turns<N - 1>::value; };
template <> struct Turns<0> { static constexpr long value = 0; };
long turned = Turns<890>::value;
"""
_RUST_MACRO_BOMB = "macro_rules! bomb { ($($t:tt)*) => { bomb!($($t)* $($t)* 1) } }\nfn never() { bomb!(1); }\n"
_RUST_LOOP = """
#![allow(long_running_const_eval)]
const FOREVER: u64 = { let mut i = 0u64; while i < u64::MAX { i += 1; } i };
#[no_mangle]
pub extern "C" fn g() -> u64 { FOREVER }
"""
_RUST_TYPE_BOMB = """
#![recursion_limit = "1000000"]
trait Deep { fn depth() -> u64; }
struct Pair<A, B>(std::marker::PhantomData<(A, B)>);
impl Deep for () { fn depth() -> u64 { 1 } }
impl<A: Deep, B: Deep> Deep for Pair<A, B> { fn depth() -> u64 { A::depth() + B::depth() } }
fn go<T: Deep>(n: u64) -> u64 { if n == 0 { T::depth() } else { go::<Pair<T, T>>(n - 1) } }
#[no_mangle]
pub extern "C" fn g(n: u64) -> u64 { go::<()>(n) }
"""
_HUGE = "int big[1 << 29] = {1};"
BOMBS = [
    (C, "includes itself", _INCLUDES_ITSELF),
    (C, "macros", f"{_MACRO_BOMB}\nint x[] = {{A9}};"),
    (C, "output", _HUGE),
    (CPP, "includes itself", _INCLUDES_ITSELF),
    (CPP, "templates", _TEMPLATE_BOMB),
    (CPP, "constexpr", _CONSTEXPR_BOMB),
    (RUST, "macros", _RUST_MACRO_BOMB),
    (RUST, "constants", _RUST_LOOP),
    (RUST, "types", _RUST_TYPE_BOMB),
    (RUST, "output", "#[no_mangle]\npub static BIG: [u8; 1 << 31] = { let mut x = [0; 1 << 31]; x[0] = 1; x };"),
]
"""Programs that let a compiler run, grow or write without end."""

_READS_C = (
    '#include "{path}"',
    '__asm__(".incbin \\"{path}\\"");',
    '__asm__(".include \\"{path}\\"");',
    '#pragma GCC dependency "{path}"',
    'const char x[] = {{\n#embed "{path}"\n}};',
)
READS = {
    C: _READS_C,
    CPP: _READS_C,
    RUST: (
        'pub const X: &str = include_str!("{path}");',
        'pub const X: &[u8] = include_bytes!("{path}");',
        'include!("{path}");',
        '#[path = "{path}"]\nmod x;',
        'std::arch::global_asm!(".incbin \\"{path}\\"");',
        'std::arch::global_asm!(".include \\"{path}\\"");',
    ),
}
"""Ways to take a file into a program while it is compiled."""

_PLUGINS_C = (
    '#pragma GCC optimize ("fplugin=./part.h")',
    '__attribute__((optimize("-fplugin=./part.h"))) int g(void) { return 0; }',
    '#pragma GCC plugin "./part.h"',
)
PLUGINS = {
    C: _PLUGINS_C,
    CPP: _PLUGINS_C,
    RUST: (
        "#[macro_use]\nextern crate part;",
        "#![feature(plugin)]\n#![plugin(part)]",
        '#![crate_type = "proc-macro"]\nextern crate proc_macro;\n#[proc_macro]\n'
        "pub fn run(x: proc_macro::TokenStream) -> proc_macro::TokenStream { x }\nrun!();",
    ),
}
"""Ways to ask a compiler for code of one's own in it."""
