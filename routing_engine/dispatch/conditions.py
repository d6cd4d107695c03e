"""The language of SOP conditions: typed facts, comparisons, `and`, `or`, `not`, parentheses. Nothing is executed.

::

    n_victims >= 5 and hazard.fire
    child or (armed and hour >= 18)
    not on_bridge and area in ("7471014", "7471013")

========================  ======  ==========================================================
fact                      type    means
========================  ======  ==========================================================
`n_victims`, `n_dead`     number  people hurt or in danger, dead
`hour`                    number  local hour of the decision, 0–23
`child`, `armed`,         yes/no  a child is concerned, weapons are seen, on a road,
`on_road`, `on_bridge`            the point lies on a bridge of the road network
`hazard.NAME`             yes/no  a danger the caller named (`gis.words.Hazard`)
`area`                    code    kelurahan, kecamatan or water at the point; with an
                                  uncertain position there are several, and one is enough
========================  ======  ==========================================================

Numbers take ``= == != < <= > >=``; `area` takes ``= == !=`` and ``in (…)`` with codes in double quotes. An empty
condition always holds.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn, Protocol

from gis.errors import DataError
from gis.reports import Facts
from gis.words import Hazard

NUMBERS = ("n_victims", "n_dead", "hour")
FLAGS = ("child", "armed", "on_road", "on_bridge")
HAZARDS = tuple(Hazard)
MAX_LENGTH = 500
MAX_DEPTH = 30
MAX_CASES = 50_000

COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}

TOKEN = re.compile(
    r"""\s*(?: (?P<number>\d{1,7}(?![\w.])) | (?P<word>[a-z_]+(?:\.[a-z_]+)?) | (?P<code>"[A-Za-z0-9._-]{1,40}")
    | (?P<sign><=|>=|==|!=|[=<>(),]) )""",
    re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a condition may look at: the facts of a report, and place and hour.

    Attributes
    ----------
    hour
        Local hour of the city, 0–23.
    areas
        Codes of the administrative areas at the point, all levels.
    """

    facts: Facts = field(default_factory=Facts)
    hour: int = 0
    areas: frozenset[str] = frozenset()
    on_bridge: bool = False

    def number(self, name: str) -> int:
        """Return a number fact."""
        return self.hour if name == "hour" else int(getattr(self.facts, name))

    def flag(self, name: str) -> bool:
        """Return a yes/no fact."""
        return self.on_bridge if name == "on_bridge" else bool(getattr(self.facts, name))


class Node(Protocol):
    """A part of a condition; its text parses to an equal part."""

    def holds(self, given: Circumstances) -> bool:
        """Whether it is true under the circumstances."""


@dataclass(frozen=True)
class NumberIs:
    """A number fact compared with a whole number."""

    name: str
    sign: str
    value: int

    def holds(self, given: Circumstances) -> bool:
        """Compare."""
        return COMPARE[self.sign](given.number(self.name), self.value)

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.value}"


@dataclass(frozen=True)
class FlagIs:
    """A yes/no fact that is yes."""

    name: str

    def holds(self, given: Circumstances) -> bool:
        """Look the fact up."""
        return given.flag(self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class HazardIs:
    """A danger that was named."""

    name: str

    def holds(self, given: Circumstances) -> bool:
        """Look for the danger."""
        return self.name in given.facts.hazards

    def __str__(self) -> str:
        return f"hazard.{self.name}"


@dataclass(frozen=True)
class AreaIn:
    """One of the areas at the point is among `codes`."""

    codes: tuple[str, ...]

    def holds(self, given: Circumstances) -> bool:
        """Look for a common code."""
        return not given.areas.isdisjoint(self.codes)

    def __str__(self) -> str:
        quoted = [f'"{code}"' for code in self.codes]
        return f"area = {quoted[0]}" if len(quoted) == 1 else f"area in ({', '.join(quoted)})"


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Node

    def holds(self, given: Circumstances) -> bool:
        """Turn the answer round."""
        return not self.part.holds(given)

    def __str__(self) -> str:
        return f"not {_bracketed(self.part, AllOf, OneOf)}"


@dataclass(frozen=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Node, ...]

    def holds(self, given: Circumstances) -> bool:
        """Ask every part."""
        return all(part.holds(given) for part in self.parts)

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, AllOf, OneOf) for part in self.parts)


@dataclass(frozen=True)
class OneOf:
    """At least one part holds."""

    parts: tuple[Node, ...]

    def holds(self, given: Circumstances) -> bool:
        """Ask every part."""
        return any(part.holds(given) for part in self.parts)

    def __str__(self) -> str:
        return " or ".join(_bracketed(part, OneOf) for part in self.parts)


def _bracketed(part: Node, *kinds: type) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)


@dataclass(frozen=True)
class Condition:
    """A parsed condition. `root` is `None` for the empty one, which always holds."""

    root: Node | None

    def holds(self, given: Circumstances) -> bool:
        """Whether the condition is true under the circumstances."""
        return self.root is None or self.root.holds(given)

    def __str__(self) -> str:
        return "" if self.root is None else str(self.root)

    def atoms(self) -> set[NumberIs | FlagIs | HazardIs | AreaIn]:
        """Return the comparisons the condition is made of."""
        found: set[NumberIs | FlagIs | HazardIs | AreaIn] = set()
        waiting: list[Node] = [] if self.root is None else [self.root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, AllOf | OneOf):
                waiting.extend(node.parts)
            elif isinstance(node, Not):
                waiting.append(node.part)
            elif isinstance(node, NumberIs | FlagIs | HazardIs | AreaIn):
                found.add(node)
        return found


@lru_cache(maxsize=4096)
def parse(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    DataError
        The text is no condition; the message says at which character, what was found and what was expected.
    """
    if len(text) > MAX_LENGTH:
        raise DataError(f"a condition has at most {MAX_LENGTH} characters, found {len(text)}")
    parser = _Parser(text)
    if parser.kind == "end":
        return Condition(None)
    root = parser.one_of()
    if parser.kind != "end":
        parser.refuse("`and`, `or` or the end")
    return Condition(root)


class _Parser:
    """Recursive descent over tokens; `kind`, `word` and `start` describe the one looked at."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = 0
        self.depth = 0
        self.advance()

    def advance(self) -> str:
        """Move to the next token and return the one left behind."""
        left = getattr(self, "word", "")
        rest = self.text[self.end :]
        if not rest.strip():
            self.kind, self.word, self.start = "end", "", len(self.text)
            return left
        found = TOKEN.match(self.text, self.end)
        if found is None:
            self.start = self.end + len(rest) - len(rest.lstrip())
            self.word = self.text[self.start : self.start + 12].split()[0]
            self.refuse("a fact, a number, a code in double quotes or a sign")
        self.kind = str(found.lastgroup)
        self.word = found[self.kind]
        self.start = found.start(self.kind)
        self.end = found.end()
        return left

    def refuse(self, expected: str) -> NoReturn:
        found = f"`{self.word}`" if self.word else "the end"
        raise DataError(f"at character {self.start + 1}: found {found}, expected {expected}")

    def take(self, *words: str) -> str:
        if self.word not in words:
            self.refuse(" or ".join(f"`{word}`" for word in words))
        return self.advance()

    def one_of(self) -> Node:
        parts = [self.all_of()]
        while self.word == "or":
            self.advance()
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else OneOf(tuple(parts))

    def all_of(self) -> Node:
        parts = [self.single()]
        while self.word == "and":
            self.advance()
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def single(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.refuse(f"at most {MAX_DEPTH} `not` and brackets inside one another")
        try:
            if self.word == "not":
                self.advance()
                return Not(self.single())
            if self.word == "(":
                self.advance()
                inner = self.one_of()
                self.take(")")
                return inner
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Node:
        name = self.word
        if name in NUMBERS:
            self.advance()
            sign = self.take(*COMPARE, "==").replace("==", "=")
            if self.kind != "number":
                self.refuse("a whole number")
            return NumberIs(name, sign, int(self.advance()))
        if name in FLAGS:
            return FlagIs(self.advance())
        if name.startswith("hazard.") and name[7:] in HAZARDS:
            return HazardIs(self.advance()[7:])
        if name == "area":
            self.advance()
            return self.area()
        known = (*NUMBERS, *FLAGS, *(f"hazard.{hazard}" for hazard in HAZARDS), "area")
        self.refuse(f"one of {', '.join(known)}")

    def area(self) -> Node:
        sign = self.take("=", "==", "!=", "in")
        if sign != "in":
            node = AreaIn((self.code(),))
            return Not(node) if sign == "!=" else node
        self.take("(")
        codes = [self.code()]
        while self.word == ",":
            self.advance()
            codes.append(self.code())
        self.take(")")
        return AreaIn(tuple(dict.fromkeys(codes)))

    def code(self) -> str:
        if self.kind != "code":
            self.refuse("a code in double quotes")
        return self.advance().strip('"')


def cases(conditions: Iterable[Condition]) -> Iterator[Circumstances]:
    """Return circumstances that between them reach every combination of answers of the conditions' comparisons.

    Numbers take the values on both sides of every bound they are compared with, yes/no facts both values, areas each
    code alone and none of them.

    Raises
    ------
    DataError
        More than `MAX_CASES` combinations: the conditions look at too many facts at once.
    """
    atoms = {atom for condition in conditions for atom in condition.atoms()}
    numbers: dict[str, set[int]] = {}
    for atom in atoms:
        if isinstance(atom, NumberIs):
            top = 23 if atom.name == "hour" else 10_000_000
            around = (atom.value - 1, atom.value, atom.value + 1)
            numbers.setdefault(atom.name, {0}).update(value for value in around if 0 <= value <= top)
    flags = sorted({atom.name for atom in atoms if isinstance(atom, FlagIs)})
    hazards = sorted({atom.name for atom in atoms if isinstance(atom, HazardIs)})
    codes = sorted({code for atom in atoms if isinstance(atom, AreaIn) for code in atom.codes})
    names = sorted(numbers)
    size = (len(codes) + 1) * 2 ** (len(flags) + len(hazards))
    for name in names:
        size *= len(numbers[name])
    if size > MAX_CASES:
        raise DataError(f"the conditions look at too many facts at once ({size} combinations); simplify them")
    choices: list[list[Any]] = [sorted(numbers[name]) for name in names]
    choices += [[False, True]] * (len(flags) + len(hazards))
    choices.append([frozenset[str](), *(frozenset({code}) for code in codes)])
    for values in itertools.product(*choices):
        chosen: dict[str, Any] = dict(zip((*names, *flags, *hazards, "areas"), values, strict=True))
        areas, hour, on_bridge = chosen.pop("areas"), chosen.pop("hour", 0), chosen.pop("on_bridge", False)
        named = frozenset(hazard for hazard in hazards if chosen.pop(hazard))
        yield Circumstances(facts=Facts(hazards=named, **chosen), hour=hour, areas=areas, on_bridge=on_bridge)
