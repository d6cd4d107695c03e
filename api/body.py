"""Request bodies: strict JSON, one object, nothing twice.

Python's reader is kinder than RFC 8259: it takes repeated members and any depth. Where two readers of one body could
disagree about what it says, the body is refused.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Collection
from typing import Any

from api.errors import Problem
from api.texts import text
from gis.errors import Finding, ValueRefused
from gis.messages import message
from gis.reports import CONTROL
from gis.words import Language

MAX_DEPTH = 16
_EXACT_DIGITS = 18  # longer integers become floats: no number of ours needs them, and huge ones cost time to read


class _Twice(ValueError):
    """A member name was given twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def read_object(raw: bytes, language: Language) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    Not-finite numbers come through as such (the values are judged later, with the name of their field).

    Raises
    ------
    Problem
        400: empty, not UTF-8, not JSON, a member twice, nested too deeply, or not an object.
    """
    if not raw.strip():
        raise Problem(400, "syntax", "body-empty")
    try:
        body = json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise Problem(400, "syntax", "body-utf8", position=error.start + 1) from None
    except _Twice as error:
        field = str(error)[:80]
        finding = Finding(field=field, reason=text("given-twice", language), hint=text("given-twice-hint", language))
        raise Problem(400, "syntax", "body-twice", findings=[finding], field=field) from None
    except RecursionError:
        raise Problem(400, "syntax", "body-deep") from None
    except json.JSONDecodeError as error:
        # A decimal comma ends the number and leaves digits where a member name should be.
        is_comma = re.search(r"\d,\s*$", error.doc[: error.pos]) and re.match(r"\d", error.doc[error.pos :])
        key = "body-comma" if is_comma else "body-json"
        raise Problem(400, "syntax", key, line=error.lineno, column=error.colno, what=error.msg) from None
    except ValueError as error:
        raise Problem(400, "syntax", "body-json", line=1, column=1, what=str(error)[:80]) from None
    if _depth(body) > MAX_DEPTH:
        raise Problem(400, "syntax", "body-deep")
    if not isinstance(body, dict):
        raise Problem(400, "syntax", "body-object")
    return body


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        deepest = max(deepest, depth)
        if depth > MAX_DEPTH:
            return depth
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting.extend((child, depth + 1) for child in children)
    return deepest


def check_values(
    body: dict[str, Any], known: Collection[str], language: Language, *, required: Collection[str] = ()
) -> None:
    """Refuse unknown members, missing ones, numbers that are not finite and control characters, all at once.

    Raises
    ------
    ValueRefused
        With a finding for each.
    """
    findings = []
    for name in body:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                message("did_you_mean", language, name=near[0])
                if near
                else message("known_fields", language, names=", ".join(known))
            )
            findings.append(Finding(field=name[:80], reason=message("unknown_field", language), hint=hint))
    findings += [
        Finding(field=name, reason=message("required", language)) for name in required if body.get(name) is None
    ]
    waiting: list[tuple[str, Any]] = list(body.items())
    while waiting:
        path, value = waiting.pop(0)
        if isinstance(value, dict):
            waiting += [(f"{path}.{name}", child) for name, child in value.items()]
            waiting += [(path, name) for name in value if CONTROL.search(name)]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", child) for index, child in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            hint = message("number_format", language, example="122.49985")
            findings.append(Finding(field=path[:80], reason=message("not_finite", language), hint=hint))
        elif isinstance(value, str) and (found := CONTROL.search(value)):
            hint = message("control_hint", language, at=found.start() + 1)
            findings.append(Finding(field=path[:80], reason=message("control", language), hint=hint))
    if findings:
        raise ValueRefused("; ".join(map(str, findings)), findings)
