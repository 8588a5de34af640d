"""Reads one YAML 1.2 document into plain values, keeping the line and column of each.

ruamel.yaml composes the node graph; this module turns it into dicts, lists, scalars and ``Text``.
Bounds: the file's size, the nesting, and the number of values after aliases are expanded (an alias
of an alias of an alias grows exponentially). Standard tags only. Keys are never interpolated.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from supervisor.phrasing import yaml_problem
from supervisor.template.errors import Fault, Loc, loc_text
from supervisor.template.interpolation import Locator, PlaceholderError, parse_text
from supervisor.template.text import UNREADABLE, Mark, ShellLine, Text

if TYPE_CHECKING:
    from collections.abc import Callable

Tree: TypeAlias = (
    "dict[str, Tree] | list[Tree] | Text | ShellLine | str | int | float | bool | None"
)
"""What a document is made of once read."""

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 20_000
LITERAL_SECTIONS: Final = frozenset(
    {"title", "icon", "description", "geometry", "dpi", "params"},
)
"""Top-level keys that are taken as written: a pattern may end in a dollar sign."""

_OLD_VERSION = re.compile(r"^%YAML\s+(?!1\.2\s*$)\S+", re.MULTILINE)
_TAG = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Document:
    """A parsed file and what was found wrong with it so far."""

    path: str
    root: dict[str, Tree] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    keys: dict[Loc, Mark] = field(default_factory=dict)
    values: dict[Loc, Mark] = field(default_factory=dict)

    def blame(self, loc: Loc, message: str, mark: Mark | None = None, *, key: bool = False) -> None:
        """Record a fault at the value (or the key) of ``loc``, or at what is nearest around it."""
        place = mark or self.mark(loc, key=key)
        self.faults.append(Fault(self.path, place.line, place.column, loc_text(loc), message))

    def place(self, loc: Loc, like: Loc) -> None:
        """Note that ``loc``, which a short form was written out to, stands where ``like`` does."""
        self.keys.setdefault(loc, self.mark(like))
        self.values.setdefault(loc, self.mark(like))

    def mark(self, loc: Loc, *, key: bool = False) -> Mark:
        """Where ``loc`` stands; short forms have no places of their own for their parts."""
        for end in range(len(loc), -1, -1):
            here = loc[:end]
            if key and here in self.keys:
                return self.keys[here]
            if here in self.values:
                return self.values[here]
        return Mark(1, 1)


def read_document(path: str, content: bytes) -> Document:
    """Read a template file's content; whatever is wrong with it stands in ``faults``."""
    document = Document(path)
    source = _decoded(document, content)
    if source is None:
        return document
    root = _composed(document, source)
    if root is None:
        return document
    if isinstance(root, MappingNode):
        document.root = _Reader(document, source).mapping(root, ())
    else:
        document.blame((), "a template is a mapping of keys to values", _mark_of(root))
    return document


def _decoded(document: Document, content: bytes) -> str | None:
    if len(content) > MAX_BYTES:
        document.blame((), f"the file is larger than {MAX_BYTES // 1024} KiB")
        return None
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        mark = Mark(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        document.blame((), "not UTF-8 text", mark)
        return None
    directive = _OLD_VERSION.search(source)
    if directive is not None:
        document.blame(
            (), "templates are YAML 1.2", Mark(source[: directive.start()].count("\n") + 1, 1)
        )
        return None
    return source


def _composed(document: Document, source: str) -> Node | None:
    reader = YAML(typ="safe", pure=True)
    reader.max_depth = MAX_DEPTH
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root: Node | None = reader.compose(source)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(mark.line + 1, mark.column + 1) if mark is not None else None
        document.blame((), _yaml_message(error), place)
    except ReaderError as error:
        before = source[: error.position]
        place = Mark(before.count("\n") + 1, error.position - before.rfind("\n"))
        document.blame((), "a control character that YAML does not allow", place)
    except (YAMLError, ValueError) as error:
        document.blame((), f"not YAML: {error}")
    else:
        if root is None:
            document.blame((), "the file is empty")
        return root
    return None


def _yaml_message(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "not YAML")
    if problem.startswith("maximum depth"):
        return f"nested deeper than {MAX_DEPTH} levels"
    context = f" {error.context}" if error.context and error.problem else ""
    return f"not YAML: {yaml_problem(problem)}{context}"


def _mark_of(node: Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


class _TooManyValuesError(Exception):
    """Ends the reading; the fault is recorded already."""


class _Reader:
    """Walks the node graph of one document."""

    def __init__(self, document: Document, source: str) -> None:
        self._document = document
        self._source = source
        self._count = 0
        self._open: list[Node] = []

    def mapping(self, root: MappingNode, loc: Loc) -> dict[str, Tree]:
        """Read the root."""
        try:
            return self._mapping(root, loc)
        except _TooManyValuesError:
            return {}

    def _value(self, node: Node, loc: Loc) -> Tree:
        self._count += 1
        if self._count > MAX_VALUES or len(self._open) > MAX_DEPTH:
            message = (
                f"more than {MAX_VALUES} values after aliases are expanded"
                if self._count > MAX_VALUES
                else f"nested deeper than {MAX_DEPTH} levels after aliases are expanded"
            )
            self._document.blame(loc, message, _mark_of(node))
            raise _TooManyValuesError
        self._document.values.setdefault(loc, _mark_of(node))
        if any(node is parent for parent in self._open):
            self._document.blame(loc, "an alias to what it stands in", _mark_of(node))
            return UNREADABLE
        match node:
            case MappingNode():
                return self._mapping(node, loc)
            case SequenceNode():
                return self._sequence(node, loc)
            case _:
                return self._scalar(node, loc)

    def _sequence(self, node: SequenceNode, loc: Loc) -> Tree:
        self._check_tag(node, loc, ("seq",))
        self._open.append(node)
        items = [self._value(item, (*loc, index)) for index, item in enumerate(node.value)]
        self._open.pop()
        return items

    def _mapping(self, node: MappingNode, loc: Loc) -> dict[str, Tree]:
        self._check_tag(node, loc, ("map",))
        self._open.append(node)
        own: dict[str, Tree] = {}
        merged: dict[str, Tree] = {}
        for key_node, value_node in node.value:
            if isinstance(key_node, ScalarNode) and str(key_node.tag) == f"{_TAG}merge":
                merged = self._merge(value_node, loc) | merged
                continue
            key = self._key(key_node, loc)
            if key is None or (not loc and key.startswith("x-")):
                continue
            here = (*loc, key)
            if key in own:
                self._document.blame(here, "the key stands here twice", _mark_of(key_node))
                continue
            self._document.keys[here] = _mark_of(key_node)
            self._document.values[here] = _mark_of(value_node)
            own[key] = self._value(value_node, here)
        self._open.pop()
        return own | {key: value for key, value in merged.items() if key not in own}

    def _merge(self, node: Node, loc: Loc) -> dict[str, Tree]:
        """Read ``<<``: a mapping, or a list of them of which the earlier wins."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        found: dict[str, Tree] = {}
        for source in sources:
            if not isinstance(source, MappingNode) or any(source is n for n in self._open):
                self._document.blame(
                    (*loc, "<<"), "<< takes a mapping or a list of them", _mark_of(node)
                )
                continue
            self._count += 1
            for key, value in self._mapping(source, loc).items():
                found.setdefault(key, value)
        return found

    def _key(self, node: Node, loc: Loc) -> str | None:
        if not isinstance(node, ScalarNode) or str(node.tag) != f"{_TAG}str":
            self._document.blame(loc, "keys are plain text; put this one in quotes", _mark_of(node))
            return None
        key = str(node.value)
        if "${" in key and not _is_literal((*loc, key)):
            self._document.blame(loc, "placeholders are not filled in inside keys", _mark_of(node))
            return None
        return key

    def _scalar(self, node: Node, loc: Loc) -> Tree:
        text = str(node.value)
        tag = str(node.tag).removeprefix(_TAG)
        if tag in {"str", "timestamp"}:
            return self._text(node, text, loc)
        if tag not in _PLAIN:
            self._check_tag(node, loc, ())
            return UNREADABLE
        try:
            return _PLAIN[tag](text)
        except ValueError:
            self._document.blame(loc, f"not a number: {text[:40]}", _mark_of(node))
            return UNREADABLE

    def _text(self, node: Node, text: str, loc: Loc) -> Tree:
        if "\0" in text:
            self._document.blame(loc, "a NUL byte cannot be passed to a container", _mark_of(node))
            return UNREADABLE
        if "$" not in text or _is_literal(loc):
            return text
        source = self._source[node.start_mark.index : node.end_mark.index]
        locator = Locator(text, source, _mark_of(node))
        try:
            return parse_text(text, locator)
        except PlaceholderError as error:
            self._document.blame(loc, str(error), locator.mark(error.offset))
            return UNREADABLE

    def _check_tag(self, node: Any, loc: Loc, allowed: tuple[str, ...]) -> None:  # noqa: ANN401 - ruamel's nodes are untyped
        tag = str(node.tag)
        if tag not in {f"{_TAG}{name}" for name in allowed}:
            shown = tag.replace(_TAG, "!!")
            self._document.blame(loc, f"the tag {shown} is not supported", _mark_of(node))


def _is_literal(loc: Loc) -> bool:
    return bool(loc) and loc[0] in LITERAL_SECTIONS


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    for prefix, base in (("0o", 8), ("0x", 16), ("0b", 2)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits)


def _number(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


_PLAIN: Final[dict[str, Callable[[str], Tree]]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _number,
}
