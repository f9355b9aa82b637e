"""A plan as data: JSON for programs, XML for people and models, Mermaid for pictures (A-6).

A form is a flat list of nodes in plan order, for nested JSON would meet parsers' depth limits. `to_json` and
`from_json` round-trip to the same plan hash.
"""

import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from smithers_py.errors import PlanError
from smithers_py.ids import node_digest

_MASK = (1 << 128) - 1
_LONGEST = 60
_NAME = re.compile(r"[^\W\d][\w.-]*")
_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class PlanNode(BaseModel):
    """One node of a rendered plan. `id` and `key` are what the author wrote. `source` is `file:line` of the user's
    call; `preview` is true for what a run does not mount at once, for its turn comes later. Both are no part of the
    plan hash.
    """

    model_config = ConfigDict(extra="ignore")

    node_id: str
    parent_id: str | None = None
    type: str
    name: str | None = None
    id: str | None = None
    key: str | int | None = None
    props: dict[str, Any] = {}
    source: str | None = None
    preview: bool = False

    @property
    def label(self) -> str:
        """How people read it: `Phase 'build'`, the beginning of a text."""
        if self.type == "Text":
            text = str(self.props.get("value", ""))
            return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        return f"{self.type} {self.name!r}" if self.name else self.type


class PlanForm(BaseModel):
    """A rendered plan: its entry's name and its nodes in plan order (parents before children)."""

    name: str
    nodes: list[PlanNode]

    @property
    def plan_hash(self) -> str:
        """32 hex digits; equal for the plans that mount the same nodes (Z-4)."""
        last: dict[str | None, str] = {}
        total = 0
        for node in self.nodes:
            total += node_digest(node.node_id, node.parent_id, last.get(node.parent_id), node.type, node.props)
            last[node.parent_id] = node.node_id
        return (total & _MASK).to_bytes(16, "big").hex()

    def data(self) -> dict[str, Any]:
        """The JSON form as values: name, plan_hash, nodes."""
        nodes = [node.model_dump(exclude_none=True) for node in self.nodes]
        return {"name": self.name, "plan_hash": self.plan_hash, "nodes": nodes}

    def to_json(self) -> str:
        """The JSON form as text."""
        return orjson.dumps(self.data()).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "PlanForm":
        """The plan that `to_json` wrote.

        Raises:
            PlanError: not such a text, or its nodes do not give the hash it states.
        """
        try:
            data: Any = orjson.loads(text)
            form = cls.model_validate(data)
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise PlanError(f"this is not a plan in JSON form: {error}") from error
        stated = data.get("plan_hash")
        if stated is not None and stated != form.plan_hash:
            raise PlanError(f"the plan was changed: its hash is {form.plan_hash}, it says {stated}")
        return form

    def to_xml(self) -> str:
        """The plan as an indented XML document `<plan name="...">`; Text nodes become text."""
        lines = [f"<plan name={_quoted(self.name)}>"]
        open_tags: list[str] = []

        def close(depth: int) -> None:
            while len(open_tags) > depth:
                tag = open_tags.pop()
                lines.append(f"{'  ' * (len(open_tags) + 1)}</{tag}>")

        for node, depth, has_children in self._shape():
            close(depth)
            indent = "  " * (depth + 1)
            if node.type == "Text":
                lines.append(f"{indent}{escape(_legal(str(node.props.get('value', ''))))}")
                continue
            tag, attributes = _tag(node)
            lines.append(f"{indent}<{tag}{attributes}{'>' if has_children else ' />'}")
            if has_children:
                open_tags.append(tag)
        close(0)
        return "\n".join([*lines, "</plan>"])

    def to_mermaid(self) -> str:
        """The plan as a Mermaid flow chart; what is not mounted at once is dashed."""
        short = {node.node_id: f"n{index}" for index, node in enumerate(self.nodes)}
        lines = ["flowchart TD"]
        for node in self.nodes:
            label = node.label if node.id is None else f"{node.label} id={node.id}"
            lines.append(f'  {short[node.node_id]}["{_mermaid_text(label)}"]')
            if node.parent_id is not None:
                lines.append(f"  {short[node.parent_id]} --> {short[node.node_id]}")
        later = [short[node.node_id] for node in self.nodes if node.preview]
        if later:
            lines += ["  classDef preview stroke-dasharray: 4", f"  class {','.join(later)} preview"]
        return "\n".join(lines)

    def _shape(self) -> Iterator[tuple[PlanNode, int, bool]]:
        """Each node with its depth and whether it has children."""
        parents = {node.parent_id for node in self.nodes}
        depth: dict[str | None, int] = {None: -1}
        for node in self.nodes:
            depth[node.node_id] = depth[node.parent_id] + 1
            yield node, depth[node.node_id], node.node_id in parents


def _tag(node: PlanNode) -> tuple[str, str]:
    """An element's name and its attributes. A component may have a name that XML does not allow."""
    given: dict[str, Any] = {"id": node.id, "key": node.key}
    tag = node.type
    if not _NAME.fullmatch(tag):
        tag, given["type"] = "component", node.type
    given |= node.props
    texts = {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in given.items()}
    return tag, "".join(f" {name}={_quoted(texts[name])}" for name, value in given.items() if value is not None)


def _quoted(text: str) -> str:
    return quoteattr(_legal(text))


def _legal(text: str) -> str:
    """XML has no way to write most control characters."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def _mermaid_text(text: str) -> str:
    return " ".join(text.split()).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
