"""JSON read into dataclasses: every field is checked for its presence and type; an error names the first that is wrong."""

import dataclasses
import math
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class _Misfit(ValueError):
    """A value of another type than its field: where it stands, what it is, and what was expected."""


def from_json(kind: type[T], value: Any, where: str) -> T:
    """A dataclass from a JSON object with its fields; fields may be dataclasses themselves.

    Args:
        kind: a dataclass, its fields annotated with str, int, float, Any, Literal, tuple[X, ...], dict[str, X], another
            dataclass, or one of these and None. Other keys of the object are left out.
        value: the parsed JSON.
        where: the file, for the error.

    Raises:
        ValueError: one sentence that names file and field, what stands there, and what was expected.
    """
    try:
        found: T = _read(kind, value, "")
    except _Misfit as misfit:
        raise ValueError(f"{where}: {misfit}") from None
    return found


def _read(kind: Any, value: Any, field: str, whole: Any = None) -> Any:
    """`whole` is the union that `kind` is a part of."""
    if kind is Any:
        return value
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None and type(None) in inner else _read(_only(inner), value, field, kind)
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return _read_fields(kind, value, field)
    if origin is tuple and isinstance(value, list):
        return tuple(_read(inner[0], one, f"{field}[{i}]") for i, one in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {key: _read(inner[1], one, f"{field}.{key}") for key, one in value.items()}
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if kind in (int, str) and isinstance(value, kind) and not isinstance(value, bool):
        return value
    if origin is Literal and value in inner:
        return value
    raise _Misfit(f"{_named(field)} is {_shown(value)}; expected {_words(whole or kind)}.")


def _read_fields(kind: Any, value: Mapping[str, Any], field: str) -> Any:
    hints, found = _hints(kind), {}
    for one in dataclasses.fields(kind):
        inside = f"{field}.{one.name}" if field else one.name
        if one.name in value:
            found[one.name] = _read(hints[one.name], value[one.name], inside)
        elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
            raise _Misfit(f"{_named(inside)} is missing; expected {_words(hints[one.name])}.")
    try:
        return kind(**found)
    except ValueError as error:  # what the dataclass itself demands
        raise _Misfit(f"{error}") from None


_hints = cache(get_type_hints)


def _only(kinds: tuple[Any, ...]) -> Any:
    """Of X | None the X; no other union is read here."""
    (kind,) = (one for one in kinds if one is not type(None))
    return kind


def _named(field: str) -> str:
    return f'the field "{field}"' if field else "the file"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _words(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return f"{_words(_only(inner))}, or null"
    if origin is Literal:
        return "one of " + ", ".join(map(repr, inner))
    if origin is tuple:
        return f"a list, each {_words(inner[0])}"
    if origin is dict or dataclasses.is_dataclass(kind):
        return "an object"
    return {str: "a text", int: "a whole number", float: "a finite number"}[kind]
