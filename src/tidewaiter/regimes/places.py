"""Where in a file of law something stands: looked for only once something is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_PATH = re.compile(r"`\$(.*?)`(?!.*`\$)")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"unknown field `(.+?)`")
_TEXT = "tag:yaml.org,2002:str"


def line_of(text: str, problem: str, above: Iterable[str] = ()) -> int:
    """The line (from 1) that a problem of reading `text` as records is on; `above` are the keys it was read under."""
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError:
        return 1
    node = root
    for key in above:
        node = _child(node, key) or node
    found = _PATH.search(problem)
    for name, index in _STEP.findall(found.group(1) if found else ""):
        node = (_child(node, name) if name else _item(node, index)) or node
    unknown = _UNKNOWN.search(problem)
    if unknown:
        node = _key(node, unknown.group(1)) or node
    return int(node.start_mark.line) + 1 if node is not None else 1


def line_naming(text: str, measure_id: str, name: str) -> int:
    """The line on which a measure names something: the first with `name` at or after that of the measure."""
    lines = text.splitlines()
    own = re.compile(rf"^\s+[\"']?{re.escape(measure_id)}[\"']?\s*:")
    begins = next((place for place, line in enumerate(lines) if own.match(line)), 0)
    named = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.])") if name else own
    return next((place for place in range(begins, len(lines)) if named.search(lines[place])), begins) + 1


def _child(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _key(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((name for name, _ in node.value if name.value == key), None)


def _item(node: Node | None, index: str) -> Node | None:
    """The item of a list by its number; of a mapping whose keys are not told, the first that is no text."""
    if isinstance(node, SequenceNode) and index.isdecimal():
        return node.value[int(index)] if int(index) < len(node.value) else None
    if not isinstance(node, MappingNode) or not node.value:
        return None
    odd = (value for _, value in node.value if isinstance(value, ScalarNode) and value.tag != _TEXT)
    return next(odd, node.value[0][1])
