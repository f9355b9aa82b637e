"""A plan as data: JSON for programs, XML for people and models, Mermaid for pictures (A-6).

A form is a flat list of nodes in plan order, for nested JSON would meet parsers' depth limits. `to_json` and
`from_json` round-trip to the same plan hash.
"""

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from smithers_py.errors import PlanError
from smithers_py.ids import node_digest

_MASK = (1 << 128) - 1


class PlanNode(BaseModel):
    """One node of a rendered plan. `id` and `key` are what the author wrote; `source` is `file:line` of the user's call
    and no part of the plan hash.
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

    @property
    def label(self) -> str:
        """How people read it: `Phase "build"`."""
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

    def to_json(self) -> str:
        """JSON text: name, plan_hash, nodes."""
        nodes = [node.model_dump(exclude_none=True) for node in self.nodes]
        return orjson.dumps({"name": self.name, "plan_hash": self.plan_hash, "nodes": nodes}).decode()

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
        """The plan as indented XML; Text nodes become text."""
        lines: list[str] = []
        open_tags: list[PlanNode] = []
        for node, depth, has_children in self._shape():
            while len(open_tags) > depth:
                lines.append(f"{'  ' * (len(open_tags) - 1)}</{open_tags.pop().type}>")
            indent = "  " * depth
            if node.type == "Text":
                lines.append(f"{indent}{escape(str(node.props.get('value', '')))}")
                continue
            tag = f"{indent}<{node.type}{''.join(_attributes(node))}"
            lines.append(f"{tag}>" if has_children else f"{tag} />")
            if has_children:
                open_tags.append(node)
        while open_tags:
            lines.append(f"{'  ' * (len(open_tags) - 1)}</{open_tags.pop().type}>")
        return "\n".join(lines)

    def to_mermaid(self) -> str:
        """The plan as a Mermaid flow chart."""
        short = {node.node_id: f"n{index}" for index, node in enumerate(self.nodes)}
        lines = ["flowchart TD"]
        for node in self.nodes:
            label = node.label.replace('"', "&quot;")
            lines.append(f'  {short[node.node_id]}["{label}"]')
            if node.parent_id is not None:
                lines.append(f"  {short[node.parent_id]} --> {short[node.node_id]}")
        return "\n".join(lines)

    def _shape(self) -> Iterator[tuple[PlanNode, int, bool]]:
        """Each node with its depth and whether it has children."""
        parents = {node.parent_id for node in self.nodes}
        depth: dict[str | None, int] = {None: -1}
        for node in self.nodes:
            depth[node.node_id] = depth[node.parent_id] + 1
            yield node, depth[node.node_id], node.node_id in parents


def _attributes(node: PlanNode) -> Iterator[str]:
    given = {"id": node.id, "key": node.key, "name": None if "name" in node.props else node.name}
    for key, value in given.items():
        if value is not None:
            yield f" {key}={quoteattr(str(value))}"
    for key, value in node.props.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        yield f" {key}={quoteattr(text)}"
