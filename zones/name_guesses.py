"""Which agency or jurisdiction a list means by a name: codes, names, and what people write for them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# What people write for one thing; longer phrases first.
SAME_WORDS = (
    ("kepolisian sektor kota", "polsek"),
    ("kepolisian sektor", "polsek"),
    ("kepolisian resor kota", "polresta"),
    ("kepolisian resor", "polres"),
    ("polsekta", "polsek"),
    ("kec", "kecamatan"),
    ("kel", "kelurahan"),
    ("ds", "desa"),
)
# A likeness below this is no guess, and one must be this much better than the next.
LEAST_LIKE, AHEAD = 0.82, 0.05
EXACT, SAME_SET, INSIDE = 1.0, 0.98, 0.9
# More different names than this are no list of agencies or jurisdictions.
MOST_NAMES = 3_000
# Of more pairs of names (some seconds) only those that are the same are found, no likenesses.
MOST_PAIRS = 300_000


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a name was taken for: `score` is 1 for a code or the name itself, less for a likeness."""

    code: str
    score: float


def normalised(name: str) -> str:
    """Return a name without case, accents, punctuation and the many ways to write one word."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = " " + " ".join(re.findall(r"[a-z0-9]+", plain)) + " "
    for long, short in SAME_WORDS:
        words = words.replace(f" {long} ", f" {short} ")
    return words.strip()


def guess_names(said: Iterable[str], known: Mapping[str, Sequence[str]]) -> dict[str, Guess]:
    """Find the code each name stands for.

    Parameters
    ----------
    said
        Names as the list has them.
    known
        Code → what it is called (its code among them, if the list may use it).

    Returns
    -------
    dict
        Name → guess; absent where nothing fits, or two codes fit alike.
    """
    called = {code: {normalised(name) for name in names} - {""} for code, names in known.items()}
    # Words of most names ("polsek") tell nobody apart.
    spread = Counter(word for names in called.values() for word in {word for name in names for word in name.split()})
    general = {word for word, n in spread.items() if n > max(1, len(called) / 2)}
    exact: dict[str, set[str]] = {}
    for code, names in called.items():
        for name in names:
            exact.setdefault(name, set()).add(code)
    spoken = list(dict.fromkeys(said))
    is_close_tried = len(spoken) * len(called) <= MOST_PAIRS
    found = {}
    for name in spoken:
        wanted = normalised(name)
        same = exact.get(wanted, set())
        if len(same) == 1:
            found[name] = Guess(code=next(iter(same)), score=EXACT)
        elif wanted and not same and is_close_tried and (guess := _closest(wanted, called, general)):
            found[name] = guess
    return found


def _closest(wanted: str, called: Mapping[str, set[str]], general: set[str]) -> Guess | None:
    """Return the code whose name is most like the one wanted, if it is much more so than the next."""
    scores = sorted(
        (
            (max((_likeness(wanted, one, general) for one in names), default=0.0), code)
            for code, names in called.items()
        ),
        key=lambda item: (-item[0], item[1]),
    )
    best, code = scores[0] if scores else (0.0, "")
    second = scores[1][0] if len(scores) > 1 else 0.0
    return Guess(code=code, score=round(best, 3)) if best >= LEAST_LIKE and best - second >= AHEAD else None


def _likeness(one: str, two: str, general: set[str]) -> float:
    words, others = set(one.split()), set(two.split())
    if words == others:
        return SAME_SET
    own, theirs = words - general, others - general
    if own and theirs and (own <= theirs or theirs <= own):
        return INSIDE * float((len(own & theirs) / max(len(own), len(theirs))) ** 0.25)
    likeness = difflib.SequenceMatcher(None, one, two)
    # Two cheaper bounds first: most pairs are nothing alike.
    if likeness.real_quick_ratio() < LEAST_LIKE or likeness.quick_ratio() < LEAST_LIKE:
        return 0.0
    return min(likeness.ratio(), INSIDE)
