"""Keys of models that stand in a folder's settings: they are stored nowhere and reach no box."""

import re
from collections.abc import Callable, Iterator
from typing import cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_compose = cast("Callable[..., object]", yaml.compose)  # pyright: ignore[reportUnknownMemberType] - its stub is not typed
REMOVED = '"(removed)"'
LARGEST = 1 << 20
_SECRET = re.compile(r"(?i)(^|[_-])(api[_-]?key|key|token|password|secret)$")
_NAMES_A_VARIABLE = re.compile(r"\$\{[^}]+\}")
# Ends of names that sound secret and are not: limits and names of numbers.
_HARMLESS = frozenset({"fitness_key"})


def without_keys(path: str, content: bytes) -> bytes:
    """The content of a file, in YAML without the values of keys that hold secrets; another file as it is."""
    if not path.lower().endswith((".yaml", ".yml")) or len(content) > LARGEST:
        return content
    try:
        text = content.decode()
        node = cast("Node | None", _compose(text, Loader=yaml.SafeLoader))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return content
    places = sorted({(start, end) for start, end in _secrets(node, set())}, reverse=True)
    for start, end in places:
        text = text[:start] + REMOVED + text[end:]
    return text.encode()


def _secrets(node: Node | None, seen: set[int]) -> Iterator[tuple[int, int]]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _secrets(item, seen)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(value, ScalarNode) and _is_secret(key, value):
                yield value.start_mark.index, value.end_mark.index
            else:
                yield from _secrets(value, seen)


def _is_secret(key: Node, value: ScalarNode) -> bool:
    name = str(key.value)
    plain = value.tag.endswith(":str") and bool(value.value) and not _NAMES_A_VARIABLE.fullmatch(value.value)
    return plain and name not in _HARMLESS and _SECRET.search(name) is not None
