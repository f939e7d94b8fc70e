"""Equal hashes mean equal programs, whatever their comments, formatting and names of locals."""

import ast
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolution.language import Language
from evolution.normalise import Normalised, normalise
from evolution.tokens import elements
from tests.workers_mutation.samples import COUNT, FILTER, INNER, PARENTS, RULE, SORT


def python(text: str) -> Normalised:
    return normalise({"program.py": text}, Language.PYTHON)


def c(text: str) -> Normalised:
    return normalise({"program.c": text}, Language.C)


def cpp(text: str) -> Normalised:
    return normalise({"program.cpp": text}, Language.CPP)


def rust(text: str) -> Normalised:
    return normalise({"program.rs": text}, Language.RUST)


STATEMENTS = (
    "{a} = {b} + 1",
    "for {a} in range({b}):\n        {c} = {a} * 2",
    "{a} = [{b} * {c} for {b} in {c} if {b} > 0]",
    "def {a}({b}, *, {c}=3):\n        nonlocal {d}\n        {d} = {b} + {c} + {e}",
    "{a} = lambda {b}, *{c}: ({b}, {c}, {d})",
    "try:\n        {a} = {b}\n    except ValueError as {c}:\n        print({c})",
    "if ({a} := {b}) > 1:\n        pass",
    "{a}.{b2}({c}, sep={d})",
    "{a} = {{x: ({d} := x + {b}) for x in {c}}}",
    "import numpy as {a}",
    "with open({b}) as {a}:\n        del {c}",
    "match {a}:\n        case [{b}, *{c}]:\n            pass",
    "{a} = f'{{{b}!r:>{{{c}}}}}'",
    "class Inner:\n        attribute = {a}\n        def method(self):\n            return {b}, attribute",
    "yield {a}",
)
TEMPLATE = "def f(first, second):\n    {v0} = {v1} = {v2} = {v3} = {v4} = {v5} = first\n    {body}\n    return {v0}, second\n"


@st.composite
def templates(draw: st.DrawFn) -> str:
    chosen = draw(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6))
    names = st.sampled_from(["{v0}", "{v1}", "{v2}", "{v3}"])
    parts = [
        statement.format(a=draw(names), b=draw(names), c=draw(names), d="{v4}", e="{v5}", b2="attribute").replace("{x", "{{x")
        for statement in chosen
    ]
    return TEMPLATE.replace("{body}", "\n    ".join(parts))


def rendered(template: str, names: list[str]) -> str:
    for place, name in enumerate(names):
        template = template.replace(f"{{v{place}}}", name)
    return template.replace("{{", "{").replace("}}", "}")


def parses(text: str) -> bool:
    try:
        compile(text, "x", "exec")
    except SyntaxError:
        return False
    return True


@given(templates(), st.permutations(["k", "zz", "alpha", "beta_2", "q", "longer_name"]))
def test_names_of_locals_do_not_count(template: str, names: list[str]) -> None:
    before = rendered(template, ["a0", "a1", "a2", "a3", "a4", "a5"])
    if not parses(before):
        return
    assert python(before).hash == python(rendered(template, list(names))).hash


@given(templates())
def test_formatting_comments_and_docstrings_do_not_count(template: str) -> None:
    before = rendered(template, ["a0", "a1", "a2", "a3", "a4", "a5"])
    if not parses(before):
        return
    lines = before.splitlines()
    commented = "\n".join(f"{line}  # note {place}" if line.strip() else line for place, line in enumerate(lines))
    described = before.replace("second):\n", 'second):\n    """What it is for."""\n\n', 1)
    assert {python(text).hash for text in (before, commented, described, ast.unparse(ast.parse(before)))} == {
        python(before).hash
    }


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 0.0", "x = -0.0"),
        ("x = a + b", "x = a - b"),
        ("x = a - b", "x = b - a"),
        ("x = a < b", "x = a <= b"),
        ("x = a and b", "x = a or b"),
        ("def f(a, b):\n return a - b", "def f(a, b):\n return b - a"),
        ("def f(a):\n return a", "def f(b):\n return a"),
        ("def f(a, /):\n return a", "def f(a):\n return a"),
        ("def f():\n x = 1\n return x", "def f():\n global x\n x = 1\n return x"),
        (
            "def f():\n x = 1\n def g():\n  x = 2\n g()\n return x",
            "def f():\n x = 1\n def g():\n  nonlocal x\n  x = 2\n g()\n return x",
        ),
        ("def f(a):\n return a\nf(a=1)", "def f(b):\n return b\nf(a=1)"),
        ("def f(a):\n return a\nf(**d)", "def f(b):\n return b\nf(**d)"),
        ("def f():\n x = 1\n return locals()", "def f():\n y = 1\n return locals()"),
        ("x = 1", "y = 1"),
        ("def f():\n pass", "def g():\n pass"),
        ("class A:\n x = 1", "class A:\n y = 1"),
        ("def f(xs):\n return [x for x in xs]", "def f(xs):\n return {x for x in xs}"),
        ("x = [BinOp, a, Add, b]", "x = [a + b]"),
        ("a.b", "a.c"),
        ("f(a=1)", "f(b=1)"),
        ("x = 'a'", "x = b'a'"),
        ("x = 'a'", "x = a"),
        ("if a:\n b()\nc()", "if a:\n b()\n c()"),
        ("import a", "import b"),
    ],
)
def test_what_differs_differs(one: str, two: str) -> None:
    assert python(one).hash != python(two).hash


def _changed_constants(text: str) -> list[str]:
    found: list[str] = []
    for place in itertools.count():
        tree = ast.parse(text)
        numbers = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, int | float)]
        if place == len(numbers):
            return found
        numbers[place].value = numbers[place].value + 1  # type: ignore[operator]
        found.append(ast.unparse(tree))
    raise AssertionError


def test_every_literal_counts() -> None:
    for text in (RULE, INNER):
        original = python(text).hash
        changed = [normalise({"program.py": text_}, Language.PYTHON).hash for text_ in _changed_constants(text)]
        assert original not in changed
        assert len(set(changed)) == len(changed) > 0


def test_paths_and_borders_of_files_count() -> None:
    one = normalise({"a.py": "x = 1\n", "b.py": "y = 2\n"}, Language.PYTHON)
    assert one.hash != normalise({"a.py": "x = 1\ny = 2\n", "b.py": ""}, Language.PYTHON).hash
    assert one.hash != normalise({"a.py": "x = 1\n", "c.py": "y = 2\n"}, Language.PYTHON).hash
    assert one.hash == normalise({"b.py": "y=2", "a.py": "x=1#"}, Language.PYTHON).hash


def test_c_is_compared_by_tokens() -> None:
    spaced = SORT.replace("// kept", "/* other */").replace("hole -= gap;", "hole\n-=/**/gap ;").replace("    ", "\t")
    assert c(spaced).hash == c(SORT).hash
    for was, now in (("8)", "9)"), ("hole -= gap", "hole += gap"), (">=", ">"), ("int32_t value", "int32_t item")):
        assert c(SORT.replace(was, now, 1)).hash != c(SORT).hash
    assert c("a = b + +c;").hash != c("a = b ++c;").hash
    assert c("#define F (x)\n").hash != c("#define F(x)\n").hash
    assert c("#define F x\ny").hash != c("#define F x y\n").hash
    assert c('x = "a  b";').hash != c('x = "a b";').hash
    assert c('x = "/*";y="*/";').hash != c('x = "/*";z="*/";').hash


def test_cpp_is_compared_by_tokens() -> None:
    spaced = (
        FILTER.replace("// EVOLVE", "//  EVOLVE").replace("level * 1'000;", "level*/* a */1'000 ; // more").replace("    ", " ")
    )
    assert cpp(spaced).hash == cpp(FILTER).hash
    for was, now in (("1'000", "1'00"), ("1 // 2", "1 // 3"), ("1 // 2", "1  // 2"), ('2 " 3', '2  " 3'), ("0.25", "0.2")):
        assert cpp(FILTER.replace(was, now, 1)).hash != cpp(FILTER).hash
    assert cpp('a = R"x(" // 1)x";').hash != cpp('a = R"x(" // 2)x";').hash
    assert cpp("a ? b : ::c").hash != cpp("a ? b :: : c").hash
    assert cpp("n = 1'000; c = '//';").hash != cpp("n = 1'000; c = '/';").hash
    assert cpp("a <=> b").hash != cpp("a <= > b").hash


def test_rust_is_compared_by_tokens() -> None:
    spaced = (
        COUNT.replace("* a /* nested */ comment", "* b /* /* deeper */ */").replace("    ", "\t").replace("|i| i * 2", "|i|i*2")
    )
    assert rust(spaced).hash == rust(COUNT).hash
    for was, now in (
        ("0..10", "0..11"),
        ("// text", "// tex"),
        ("'a str", "'b str"),
        ("b'\"'", "b'x'"),
        ("1_000", "1_001"),
        ("/* a", ""),
    ):
        assert rust(COUNT.replace(was, now, 1)).hash != rust(COUNT).hash, was
    assert rust("x = '\"'; // 1\ny = '\"';").hash == rust("x = '\"'; y = '\"';").hash
    assert rust("fn f<'a>(x: &'a str) {} // '").hash == rust("fn f<'a>(x: &'a str) {}").hash
    assert rust('x = "a\n// b";').hash != rust('x = "a\n// c";').hash
    assert rust("/* /* */ x = 1; */ y").hash == rust("y").hash
    assert rust("/* never closed").hash == rust("").hash
    assert rust("0..10").literals == 2
    assert rust(COUNT).literals == 5
    assert rust("#[inline]\nfn f() {}").hash == rust("#[inline] fn f(){}").hash


@given(st.text(alphabet="/*'\"\\Rr#ub()aé1.\n ", max_size=60), st.sampled_from([Language.C, Language.CPP, Language.RUST]))
def test_elements_are_the_whole_text(text: str, language: Language) -> None:
    found = list(elements(text, language))
    assert "".join(text[start:end] for _, start, end in found) == text
    assert all(start < end for _, start, end in found)


def test_length_and_literals_are_those_of_the_blocks() -> None:
    block = INNER.split("# EVOLVE-BLOCK-START\n")[1].split("    # EVOLVE-BLOCK-END")[0]
    found = python(INNER)
    assert found.length == len(block)
    assert found.literals == 14
    assert c(SORT).literals == 3
    assert normalise(PARENTS["two files"][0], Language.PYTHON).literals == 14 + 1


def test_what_is_not_python_is_a_syntax_error() -> None:
    for text in ("x = (", "x = 1\0", "x = " + "(" * 500 + ")" * 500, "-" * 5000 + "1", "x = '\ud800'"):
        with pytest.raises(SyntaxError):
            python(text)


def test_a_hundred_lines_take_little_time() -> None:
    text = "".join(RULE.replace("def ", f"def f{copy}_").replace("LR", f"LR{copy}") for copy in range(4))
    python(text)
    best = min(_seconds(text) for _ in range(10))
    assert best < 0.006, f"{len(text.splitlines())} lines took {best * 1000:.1f} ms"


def _seconds(text: str) -> float:
    start = time.process_time()
    python(text)
    return time.process_time() - start
