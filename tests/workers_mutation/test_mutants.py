"""Mutants parse, differ from their parent within the blocks only, and follow from their random stream."""

import ast
import copy
import re
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolution.evolve_blocks import check_only_blocks_changed
from evolution.expressions import Expression, Kind, fitted, precedence, tightness
from evolution.language import Language
from evolution.normalise import normalise
from evolution.randomness import stream
from evolution.words import BASIC, WordError, number, read_vocabulary, read_word
from tests.workers_mutation.samples import COUNT, FILTER, INNER, PARENTS, RULE, WORDS
from workers.mutation.dice import Dice
from workers.mutation.edits import Edit, applied, disjoint
from workers.mutation.mutant import ATTEMPTS, Mutant, Parsed, mutants, read_program
from workers.mutation.numbers import float_text, fresh_number, moved_float, moved_int
from workers.mutation.source import read_source
from workers.mutation.statement_edits import reaches_a_reader
from workers.mutation.tuning import TuningSession
from workers.mutation.values import Scope, fill

PARSED = {name: read_program(files, language) for name, (files, language) in PARENTS.items()}
VOCABULARY = read_vocabulary(WORDS)


def children(parent: Parsed, number: int, inspirations: list[Parsed] | None = None, most: int = ATTEMPTS + 1) -> list[Mutant]:
    others = [lambda other=other: other for other in inspirations or []]
    return list(islice(mutants(parent, others, VOCABULARY, stream(5, "mutate", number)), most))


def texts_of(name: str, count: int, inspirations: list[Parsed] | None = None) -> list[str]:
    """The first file of the first child of so many proposals with the same parent."""
    found = [children(PARSED[name], number, inspirations, most=1) for number in range(count)]
    return [next(iter(mutant.files.values())) for one in found for mutant in one]


def descendants(name: str, number: int, generations: int) -> list[Parsed]:
    """A line of descent: each program is the first child of the one before it."""
    line = [PARSED[name]]
    for generation in range(generations):
        found = children(line[-1], number * 1000 + generation, line[-4:-1])
        if found:
            line.append(read_program(found[0].files, line[0].language))
    return line


@settings(max_examples=60)
@given(st.sampled_from(sorted(PARENTS)), st.integers(0, 10**6))
def test_mutants_parse_and_change_blocks_only(name: str, number: int) -> None:
    parent = PARSED[name]
    found = children(parent, number, [parent, PARSED["two files"]])
    assert 0 < len(found) <= ATTEMPTS
    for mutant in found:
        assert check_only_blocks_changed(parent.files, mutant.files) is None
        assert mutant.normalised == normalise(mutant.files, parent.language)
        assert mutant.normalised.hash != parent.normalised_hash
        if parent.language is Language.PYTHON:
            for text in mutant.files.values():
                ast.parse(text)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(sorted(PARENTS)), st.integers(0, 10**6))
def test_lines_of_descent_stay_sound(name: str, number: int) -> None:
    """Edits of edited programs: nothing piles up that breaks the next generation."""
    line = descendants(name, number, 12)
    assert len(line) > 6
    for program in line:
        assert check_only_blocks_changed(line[0].files, program.files) is None


@given(st.sampled_from(sorted(PARENTS)), st.integers(0, 10**6))
def test_the_same_stream_gives_the_same_children(name: str, number: int) -> None:
    again = read_program(*PARENTS[name])
    assert children(PARSED[name], number, [PARSED["rule"]]) == children(again, number, [read_program(*PARENTS["rule"])])


def test_other_numbers_give_other_children() -> None:
    assert len(set(texts_of("rule", 200))) > 120


def test_comments_beside_the_edit_stay() -> None:
    assert sum("# the step" in text for text in texts_of("rule", 200)) > 190


REACHABLE = {
    "sign": r"lr \* np\.sign\(g\)",
    "momentum": r"m = [\d.]+ \* m \+ (g|[\d.]+ \* g|\([\d.]+ \* g\))\n(.*\n)*.*lr \* m\b",
    "average": r"(m|v) = ([\d.]+) \* (m|v) \+ \(1 - \2\) \* g\n",
    "scaled": r"lr \* (g / \(np\.sqrt\(\w+\) \+ 1e-8\)|\(g / \(np\.sqrt\(\w+\) \+ 1e-8\)\))",
    "square": r"\(?g \* g\)?",
    "rate": r"LR = (?!0\.1\b)[\d.]+\n",
    "new statement": r"m, v = state\n(    .*\n)+    p = p - lr \* g",
    "operator": r"p = p \+ lr \* g",
}


@pytest.mark.timeout(120)
def test_the_steps_to_known_rules_are_within_one_edit() -> None:
    """From plain SGD: sign, momentum, an average of squares and a division by its root, among 4,000 children."""
    texts = texts_of("rule", 4000)
    missing = [name for name, pattern in REACHABLE.items() if not any(re.search(pattern, text) for text in texts)]
    assert not missing


def test_what_inspirations_do_otherwise_is_taken_over() -> None:
    other = RULE.replace("p = p - lr * g", "g = np.sign(g)\n    p = p - lr * g").replace("LR = 0.1", "LR = 0.7")
    inspiration = read_program({"rule.py": other}, Language.PYTHON)
    texts = texts_of("rule", 600, [inspiration])
    assert any("    g = np.sign(g)\n    p = p - lr * g  # the step" in text for text in texts)
    assert any("LR = 0.7\n" in text for text in texts)


def test_elements_of_lists_are_added_and_removed() -> None:
    lists = [re.search(r"values = \[([-., \d]*)\]", text) for text in texts_of("inner", 800)]
    lengths = {len(found[1].split(",")) for found in lists if found}
    assert {3, 4, 5} <= lengths


def test_nothing_to_change_gives_no_children() -> None:
    empty = read_program({"a.py": "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\nx = 1\n"}, Language.PYTHON)
    assert children(empty, 1) == []
    bare = read_program({"a.c": "// EVOLVE-BLOCK-START\n// EVOLVE-BLOCK-END\nint x = 1;\n"}, Language.C)
    assert children(bare, 1) == []


def test_a_language_that_mutation_does_not_know_gives_no_children() -> None:
    rust = read_program({"count.rs": COUNT}, Language.RUST)
    assert children(rust, 1) == []
    with pytest.raises(ValueError, match="none to tune"):
        TuningSession(rust, 1, 1, 8)


def test_children_in_cpp_keep_types_and_names_of_the_library() -> None:
    texts = texts_of("c++", 300)
    assert len(set(texts)) > 150
    types = set(re.findall(r"[\w:]+<[\w:<>]*>", FILTER))
    assert types == {"std::vector<double>", "std::vector<std::vector<double>>", "static_cast<T>", "mixed<double>"}
    for text in texts:
        assert set(re.findall(r"[\w:]+<[\w:<>]*>", text)) <= types
        assert text.count("std::") == FILTER.count("std::")
        assert "template <typename T>" in text
    assert any(text.count("mixed<double>(") == 2 for text in texts), "statements are repeated"
    assert any("mixed<double>(" not in text for text in texts), "statements are left out"
    assert not any(text.count("double level") > 1 for text in texts), "declarations are not repeated"


def test_whole_numbers_stay_whole_where_they_must() -> None:
    loops = [re.search(r"range\((.*?)\)", text) for text in texts_of("inner", 300)]
    assert len({loop[1] for loop in loops if loop}) > 3
    assert not any("." in loop[1] for loop in loops if loop)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**6))
def test_moved_numbers_are_literals(value: float, number: int) -> None:
    dice = Dice(stream(1, "test", number))
    for text in (moved_float(value, dice), fresh_number(dice), float_text(value)):
        assert isinstance(ast.literal_eval(text), float)
    assert isinstance(ast.literal_eval(moved_int(int(value), dice)), int)
    if value >= 1:
        assert int(moved_int(int(value), dice)) >= 0


def test_small_and_large_steps_are_both_taken() -> None:
    dice = Dice(stream(1, "test", 0))
    ratios = [abs(float(moved_float(0.3, dice)) / 0.3 - 1) for _ in range(2000)]
    assert sum(0 < ratio < 0.01 for ratio in ratios) > 200
    assert sum(ratio > 0.2 for ratio in ratios) > 200


@given(st.sampled_from([*BASIC, *WORDS, "a if b > C else -b", "np.where(a < b, a, b) ** C", "(a, b)[0]"]), st.integers(0, 999))
def test_words_are_filled_with_the_parentheses_that_they_need(text: str, number_: int) -> None:
    dice = Dice(stream(2, "test", number_))
    word = read_word(text)
    operand = dice.pick([Expression("x + y", 10, Kind.FLOAT), Expression("x if y else z", 1, Kind.FLOAT), number("-2.5")])
    filled = word.filled(dict.fromkeys((*word.holes, *word.numbers), operand))
    expected = re.sub(r"\b[abC]\b", f"({operand.text})", text)
    assert ast.dump(ast.parse(filled.text)) == ast.dump(ast.parse(expected))
    assert filled.precedence == precedence(ast.parse(expected, mode="eval").body)


def test_words_know_their_holes_and_needs() -> None:
    word = read_word("C * a + (1 - C) * np.sqrt(b) / scale")
    assert (word.holes, word.numbers, word.shares, word.needs) == (("a", "b"), ("C",), {"C"}, {"np", "scale"})
    clamp = read_word("min(max(a, C), 1 - C)")
    assert (clamp.shares, clamp.margins) == (frozenset(), {"C"})
    for text in ("a +", "x = a", "", "a\0"):
        with pytest.raises(WordError, match="docs/mutation"):
            read_word(text)


def test_a_margin_leaves_room_between_zero_and_one() -> None:
    clamp, dice, scope = (
        read_word("min(max(a, C), 1 - C)"),
        Dice(stream(4, "test", 1)),
        Scope(read_source("rule.py", RULE), {}, ()),
    )
    texts = [fill(clamp, {"a": number("0.7")}, scope, dice, Kind.FLOAT).text for _ in range(200)]
    margins = [float(re.findall(r"1 - ([0-9.e-]+)", text)[0]) for text in texts]
    assert 0.0 < min(margins) < 0.01
    assert 0.3 < max(margins) < 0.51


@given(st.integers(0, 10**6))
def test_any_expression_fits_any_place(seed: int) -> None:
    """A subexpression put in the place of another one keeps its meaning."""
    dice = Dice(stream(3, "test", seed))
    sources = (
        "a + b * c ** -d",
        "not a < b or c",
        "(a if b else c).d[e](f, *g)",
        "-a ** b",
        "[x * a for x in b if c]",
        "a @ b % c",
    )
    trees = [ast.parse(text, mode="eval") for text in sources]
    places = [
        (tree, parent, child)
        for tree in trees
        for parent in ast.walk(tree)
        for child in ast.iter_child_nodes(parent)
        if isinstance(child, ast.expr) and not (isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store))
    ]
    tree, parent, child = dice.pick(places)
    new = copy.deepcopy(dice.pick([node for _, _, node in places if not isinstance(node, ast.Starred)]))
    if isinstance(child, ast.Starred) or not isinstance(child, ast.expr):
        return
    text = ast.unparse(tree)
    start, end = _span_of(text, tree, child)
    replacement = fitted(Expression(ast.unparse(new), precedence(new), Kind.OTHER), tightness(parent, child))
    result = ast.parse(text[:start] + replacement + text[end:], mode="eval")
    _substitute(parent, child, new)
    assert ast.dump(result) == ast.dump(ast.parse(ast.unparse(tree), mode="eval"))


def _span_of(text: str, tree: ast.AST, child: ast.AST) -> tuple[int, int]:
    """Where a node of a tree stands in the tree's own unparsed text."""
    again = ast.parse(text, mode="eval")
    for one, other in zip(ast.walk(tree), ast.walk(again), strict=True):
        if one is child and isinstance(other, ast.expr):
            return other.col_offset, other.end_col_offset or 0
    raise AssertionError


def _substitute(parent: ast.AST, child: ast.AST, new: ast.AST) -> None:
    for name, value in ast.iter_fields(parent):
        if value is child:
            setattr(parent, name, new)
        elif isinstance(value, list):
            setattr(parent, name, [new if item is child else item for item in value])


def test_edits_are_applied_together_or_not_at_all() -> None:
    first, second = Edit(0, 1, "AB"), Edit(3, 3, "-")
    assert applied("abcdef", [second, first]) == "ABbc-def"
    assert disjoint([first], [second])
    assert not disjoint([Edit(0, 2, "")], [Edit(1, 3, "")])
    assert not disjoint([Edit(3, 3, "x")], [second])


def test_only_what_lies_within_blocks_is_read() -> None:
    source = read_source("inner.py", INNER)
    start, end = INNER.index("values = ["), INNER.index("    # EVOLVE-BLOCK-END")
    assert all(start <= site.start and site.end <= end for site in source.sites)
    assert {"note", "first", "scale"} <= set(source.statements[0].names)
    assert {site.expression.text for site in source.sites} >= {"-1.5", "total ** 2", "0.25", "first + i", "12"}
    assert all(site.expression.text == INNER[site.start : site.end] for site in source.sites)


def test_what_statements_bind_is_in_scope_behind_them() -> None:
    lines = (
        "# EVOLVE-BLOCK-START",
        "def f(a, state):",
        "    with a as b, a: c, *d = state",
        "    for e in a:",
        "        g = [h for h in e]",
        "    try:",
        "        i = 1",
        "    except ValueError:",
        "        j = 2.0",
        "    k: float = 0.5",
        "    a[0] = 3",
        "    return k",
        "# EVOLVE-BLOCK-END",
    )
    text = "\n".join(lines)
    last = read_source("a.py", text).statements[-1]
    assert set(last.names) - {"f()"} == {"a", "state", "b", "c", "d", "e", "g", "i", "j", "k"}
    assert {name: last.names[name] for name in "ijk"} == {"i": Kind.INT, "j": Kind.FLOAT, "k": Kind.FLOAT}


LIVENESS = """# EVOLVE-BLOCK-START
def f(items):
    total = 0.0
    for item in items:
        share = item * 0.5
        total = total + share
        item = 0.25
    share = 0.75
    return total * share
# EVOLVE-BLOCK-END
"""


@pytest.mark.parametrize(
    ("line", "name", "behind", "read"),
    [
        (2, "total", True, True),
        (2, "total", False, False),
        (4, "share", True, True),
        (4, "share", False, False),
        (5, "total", True, True),
        (5, "share", True, False),
        (6, "item", True, False),
        (8, "total", False, True),
    ],
)
def test_what_is_bound_again_before_it_is_read_reaches_no_reader(line: int, name: str, behind: bool, read: bool) -> None:
    lines = [statement for statement in read_source("a.py", LIVENESS).statements if statement.node.lineno == line + 1]
    assert reaches_a_reader(lines[0], name, behind=behind) is read


def test_a_plain_assignment_is_not_repeated() -> None:
    """The copy would make the first one dead; `+=` and the like are repeated."""
    texts = texts_of("inner", 800)
    assert not any(re.search(r"(values = .*\n)(.*\n)?.*values = ", text) for text in texts)
