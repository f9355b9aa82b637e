"""Classes that the codec's tests store. A module of its own, because state finds classes by module and name."""

import dataclasses
from datetime import date, datetime
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel


class Colour(Enum):
    RED = "r"
    BLUE = ("b", 2)


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class Access(Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0
    tags: list[Any] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    start: date
    end: date


@dataclasses.dataclass
class Counted:
    """`total` is made by __post_init__ and may have moved since."""

    parts: list[int]
    total: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.parts)


@dataclasses.dataclass
class WithInitVar:
    x: int
    scale: dataclasses.InitVar[int] = 1


class Inner(BaseModel):
    when: datetime
    marks: set[int] = set()


class Outer(BaseModel):
    model_config = ConfigDict(strict=True)
    inner: Inner
    name: str = Field(alias="theName", default="x")
    colour: Colour = Colour.RED
    anything: Any = None


class Numbers(RootModel[list[int]]):
    pass


class Holder:
    class Nested(BaseModel):
        n: int
