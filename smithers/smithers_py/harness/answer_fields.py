"""A typed question seen from outside its script: which fields it has, and what in an answer does not fit them.

The script's own model has the last word when the engine gets the answer; this finds what JSON schema says, at once and
by the field's name.
"""

import json
from typing import Any

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_BOUNDS = {
    "minimum": (lambda value, bound: value >= bound, "must be at least"),
    "maximum": (lambda value, bound: value <= bound, "must be at most"),
    "exclusiveMinimum": (lambda value, bound: value > bound, "must be more than"),
    "exclusiveMaximum": (lambda value, bound: value < bound, "must be less than"),
}
_LENGTHS = {
    "minLength": (lambda size, bound: size >= bound, "is shorter than"),
    "maxLength": (lambda size, bound: size <= bound, "is longer than"),
    "minItems": (lambda size, bound: size >= bound, "has fewer items than"),
    "maxItems": (lambda size, bound: size <= bound, "has more items than"),
}
Schema = dict[str, Any]


def describe(schema: Schema) -> list[str]:
    """One line for each field: `version: text`, `count: whole number (optional)`."""
    whole = _resolved(schema, schema)
    fields: Schema = whole.get("properties", {})
    required = whole.get("required", [])
    if not fields:
        return [_word(schema, whole)]
    return [
        f"{name}: {_word(schema, field)}" + ("" if name in required else " (optional)")
        for name, field in fields.items()
    ]


def field_schemas(schema: Schema) -> dict[str, Schema]:
    """The fields of an object by name, references followed; empty where an answer is one value."""
    return {name: _resolved(schema, field) for name, field in _resolved(schema, schema).get("properties", {}).items()}


def problems(schema: Schema, answer: Any) -> list[str]:
    """What does not fit, each as `field: what is wrong`; empty when all does."""
    return [f"{place or 'output'}: {what}" for place, what in _check(schema, schema, answer, "")]


def _check(root: Schema, schema: Schema, value: Any, place: str) -> list[tuple[str, str]]:
    schema = _resolved(root, schema)
    if "anyOf" in schema or "oneOf" in schema:
        tried = [_check(root, one, value, place) for one in schema.get("anyOf") or schema["oneOf"]]
        return [] if any(not found for found in tried) else min(tried, key=len)
    found = [wrong for one in schema.get("allOf", ()) for wrong in _check(root, one, value, place)]
    if "const" in schema and value != schema["const"]:
        return [*found, (place, f"must be {json.dumps(schema['const'])}")]
    if "enum" in schema and value not in schema["enum"]:
        return [*found, (place, f"must be one of {', '.join(json.dumps(one) for one in schema['enum'])}")]
    kind = schema.get("type")
    if isinstance(kind, str) and not _is(kind, value):
        return [*found, (place, f"must be {_WORDS.get(kind, kind)}, not {json.dumps(value)[:60]}")]
    return found + _limits(schema, value, place) + _inside(root, schema, value, place)


def _inside(root: Schema, schema: Schema, value: Any, place: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if isinstance(value, dict):
        fields: Schema = schema.get("properties", {})
        found += [(_at(place, name), "is missing") for name in schema.get("required", ()) if name not in value]
        if schema.get("additionalProperties") is False:
            found += [(_at(place, name), "is not asked for") for name in value if name not in fields]
        for name, field in fields.items():
            if name in value:
                found += _check(root, field, value[name], _at(place, name))
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            found += _check(root, schema["items"], item, f"{place}[{index}]")
    return found


def _limits(schema: Schema, value: Any, place: str) -> list[tuple[str, str]]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [
            (place, f"{what} {schema[name]}")
            for name, (fits, what) in _BOUNDS.items()
            if name in schema and not fits(value, schema[name])
        ]
    if isinstance(value, str | list):
        return [
            (place, f"{what} {schema[name]}")
            for name, (fits, what) in _LENGTHS.items()
            if name in schema and not fits(len(value), schema[name])
        ]
    return []


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES.get(kind, (object,)))


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _resolved(root: Schema, schema: Schema) -> Schema:
    """The schema that a chain of `$ref` leads to."""
    for _ in range(20):
        reference = schema.get("$ref")
        if reference is None:
            return schema
        at: Any = root
        for part in reference.removeprefix("#/").split("/"):
            at = at.get(part, {})
        schema = at
    return schema


def _word(root: Schema, schema: Schema) -> str:
    schema = _resolved(root, schema)
    if "enum" in schema:
        return "one of " + ", ".join(json.dumps(one) for one in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_word(root, one) for one in schema["anyOf"]))
    return _WORDS.get(str(schema.get("type")), "any value")
