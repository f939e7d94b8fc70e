import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolution.evolve_blocks import (
    EvolveBlockError,
    blocks,
    check_only_blocks_changed,
    fixed_text,
    with_blocks,
)

LEADERS = {"#": "", "//": "", "!": "", "<!--": " -->", "(*": " *)", "/*": " */"}
lines = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=12), max_size=4)


def file_of(leader: str, contents: list[str], newline: str = "\n") -> str:
    closing = LEADERS[leader]
    parts = ["fixed head"]
    for content in contents:
        parts += [
            f"{leader} EVOLVE-BLOCK-START{closing}",
            *([content] if content else []),
            f"  {leader}EVOLVE-BLOCK-END{closing}",
        ]
    return newline.join([*parts, "fixed tail", ""])


@pytest.mark.parametrize("leader", LEADERS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blocks_are_found_behind_every_comment_leader(leader: str, newline: str) -> None:
    text = file_of(leader, ["x = 1", "", "y = 2"], newline)
    assert [text[b.start : b.end] for b in blocks(text)] == [f"x = 1{newline}", "", f"y = 2{newline}"]
    kept = text.split("\n")
    assert ["\n".join(kept[b.first_line : b.end_line]) for b in blocks(text)] == [
        f"x = 1{newline[:-1]}",
        "",
        f"y = 2{newline[:-1]}",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n",
            "line 2: EVOLVE-BLOCK-START within the block that",
        ),
        ("a\n# EVOLVE-BLOCK-END\n", "line 2: EVOLVE-BLOCK-END without"),
        ("# EVOLVE-BLOCK-START\nx\n", "line 1: EVOLVE-BLOCK-START without"),
    ],
)
def test_markers_that_do_not_pair_up_are_named(text: str, complaint: str) -> None:
    with pytest.raises(EvolveBlockError, match=complaint):
        blocks(text)


@pytest.mark.parametrize("text", ["x = 1\n", "x = '# EVOLVE-BLOCK-START'", "# EVOLVE-BLOCK-STARTED\ny\n"])
def test_a_file_without_markers_is_one_block(text: str) -> None:
    (block,) = blocks(text)
    assert text[block.start : block.end] == text
    assert text.split("\n")[block.first_line : block.end_line] == text.split("\n")
    assert check_only_blocks_changed({"a": text}, {"a": "y = 2\n"}) is None


@given(st.lists(lines, min_size=1, max_size=3), st.lists(lines, min_size=1, max_size=3))
def test_replacing_block_contents_is_the_inverse_of_cutting_them_out(old: list[list[str]], new: list[list[str]]) -> None:
    text = file_of("#", ["\n".join(block) for block in old])
    new = (new * 3)[: len(old)]
    contents = tuple("".join(f"{line}\n" for line in block) for block in new)
    changed = with_blocks(text, contents)
    assert [changed[b.start : b.end] for b in blocks(changed)] == list(contents)
    assert fixed_text(changed) == fixed_text(text)
    assert check_only_blocks_changed({"a": text}, {"a": changed}) is None


def test_another_number_of_contents_is_refused() -> None:
    with pytest.raises(EvolveBlockError, match="expected the content of 1 EVOLVE-BLOCKs, got 2"):
        with_blocks(file_of("#", ["x"]), ("a\n", "b\n"))


@pytest.mark.parametrize(
    ("after", "complaint"),
    [
        (file_of("#", ["x"]).replace("fixed head", "other head"), "expected the line 'fixed head', got 'other head'"),
        (file_of("#", ["x"]) + "more\n", "expected the line '', got 'more'"),
        (file_of("#", ["x"]).replace("fixed tail\n", ""), "got ''"),
        (file_of("#", ["x"]).replace("EVOLVE-BLOCK-START", "EVOLVE-BLOCK-START "), "EVOLVE-BLOCK-START '"),
        (file_of("#", ["x", "y"]), "expected 1 EVOLVE-BLOCKs, got 2"),
        (file_of("#", ["x"]).replace("fixed head\n", "fixed head\r\n"), "got 'fixed head"),
        ("# EVOLVE-BLOCK-START\n", "without an EVOLVE-BLOCK-END"),
    ],
)
def test_any_change_outside_the_blocks_is_named(after: str, complaint: str) -> None:
    found = check_only_blocks_changed({"a.py": file_of("#", ["x"])}, {"a.py": after})
    assert found is not None
    assert found.startswith("a.py: ")
    assert complaint in found


def test_a_block_smuggled_into_a_block_is_a_change_outside() -> None:
    smuggled = "x\n# EVOLVE-BLOCK-END\nimport os\n# EVOLVE-BLOCK-START"
    assert check_only_blocks_changed({"a": file_of("#", ["x"])}, {"a": file_of("#", [smuggled])}) is not None


def test_another_set_of_files_is_named() -> None:
    text = file_of("#", ["x"])
    assert check_only_blocks_changed({"a": text}, {"a": text, "b": text}) == "expected exactly the files a; got a, b"
