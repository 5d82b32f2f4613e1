"""Regular expressions of strangers on texts of strangers: a whole text fits or not, in bounded time.

The dialect is Java's, as far as a rule needs it: literals, classes, groups,
alternation, repetition, anchors and lookahead. Matching follows the set of
places that can be reached instead of trying one way after another, so that no
pattern takes exponential time. What would mean something else under that
reading (backreferences, possessive repetition, named classes) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Places = set[int]
Spend = Callable[[int], None]  # told how many places are looked at; may raise where it is too much

_REPEAT_MAX: Final = 1_000
_DEPTH_MAX: Final = 50
_SPACE: Final = frozenset(" \t\n\x0b\f\r")
_DIGIT: Final = frozenset("0123456789")
_WORD: Final = _DIGIT | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NAMED: Final = {"s": _SPACE, "d": _DIGIT, "w": _WORD}
_CONTROL: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_LINE_ENDS: Final = frozenset("\n\r\u0085\u2028\u2029")


class PatternError(ValueError):
    """A regular expression that is not one, or not of the part that is read; `at` counts from 0."""

    def __init__(self, words: str, at: int) -> None:
        super().__init__(words)
        self.words = words
        self.at = at


class Run:
    """One text to be matched."""

    __slots__ = ("spend", "text")

    def __init__(self, text: str, spend: Spend) -> None:
        self.text = text
        self.spend = spend


Part = Callable[[Run, Places], Places]  # where a part can end, from where it can begin


class Pattern:
    """A compiled regular expression."""

    def __init__(self, source: str) -> None:
        """Raises PatternError with the place."""
        self.source = source
        self._part = _Reader(source).whole()

    def fits(self, text: str, spend: Spend) -> bool:
        """True when the whole text fits. What `spend` raises comes through."""
        return len(text) in self._part(Run(text, spend), {0})


class _Reader:
    """Reads a regular expression by descent; each method returns a part."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.depth = 0

    def whole(self) -> Part:
        part = self.choice()
        if self.at < len(self.source):
            raise PatternError(f"“{self.source[self.at]}” has nothing before it to close", self.at)
        return part

    def choice(self) -> Part:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise PatternError(f"groups are nested deeper than {_DEPTH_MAX}", self.at)
        parts = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            parts.append(self.sequence())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else _either(parts)

    def sequence(self) -> Part:
        parts = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated())
        return parts[0] if len(parts) == 1 else _one_after_another(parts)

    def repeated(self) -> Part:
        part = self.atom()
        while self.peek() in ("*", "+", "?", "{"):
            at = self.at
            least, most = self.counts()
            if self.peek() == "+":
                raise PatternError("a possessive repetition is not read", at)
            if self.peek() == "?":
                self.at += 1  # a lazy repetition reaches the same places
            part = _repeat(part, least, most)
        return part

    def counts(self) -> tuple[int, int | None]:
        sign = self.take()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        end = self.source.find("}", self.at)
        least, comma, most = self.source[self.at : max(end, self.at)].partition(",")
        if not least.isdecimal() or (most and not most.isdecimal()):
            raise PatternError("a repetition is written {3}, {1,4} or {2,}", self.at)
        self.at = end + 1
        low, high = int(least), int(most) if most else None if comma else int(least)
        if max(low, high or 0) > _REPEAT_MAX or (high is not None and high < low):
            raise PatternError(f"a repetition goes up to {_REPEAT_MAX}, the smaller count first", self.at)
        return low, high

    def atom(self) -> Part:
        at, sign = self.at, self.take()
        if sign == "(":
            return self.group(at)
        if sign == "[":
            return _one_of(self.members(at))
        if sign == "\\":
            return _one_of(self.escaped())
        if sign == ".":
            return _one_of(lambda character: character not in _LINE_ENDS)
        if sign == "^":
            return lambda _, places: places & {0}
        if sign == "$":
            return lambda run, places: places & _ends(run.text)
        if sign in "*+?{":
            raise PatternError(f"“{sign}” has nothing before it to repeat", at)
        return _one_of(lambda character: character == sign)

    def group(self, at: int) -> Part:
        kind = next((kind for kind in ("?:", "?=", "?!") if self.source.startswith(kind, self.at)), "")
        if not kind and self.peek() == "?":
            raise PatternError("of groups that begin with (? only (?:, (?= and (?! are read", at)
        self.at += len(kind)
        part = self.choice()
        if self.peek() != ")":
            raise PatternError("this group is not closed", at)
        self.at += 1
        return _ahead(part, is_wanted=kind == "?=") if kind in ("?=", "?!") else part

    def members(self, at: int) -> Callable[[str], bool]:
        is_negated = self.peek() == "^"
        self.at += is_negated
        tests: list[Callable[[str], bool]] = []
        while self.peek() != "]":
            if self.peek() == "[" or self.source.startswith("&&", self.at):
                raise PatternError("a class within a class is not read", self.at)
            if not self.peek():
                raise PatternError("this class is not closed", at)
            tests.append(self.member())
        self.at += 1
        if not tests:
            raise PatternError("this class is empty", at)
        return lambda character: any(test(character) for test in tests) is not is_negated

    def member(self) -> Callable[[str], bool]:
        at, first = self.at, self.take()
        if first == "\\":
            return self.escaped()
        if self.peek() != "-" or self.source[self.at + 1 : self.at + 2] in ("]", ""):
            return lambda character: character == first
        self.at += 1
        last = self.take()
        if last in "\\[" or last < first:
            raise PatternError("a range goes from one character to a later one", at)
        return lambda character: first <= character <= last

    def escaped(self) -> Callable[[str], bool]:
        at, name = self.at - 1, self.take()
        known = _NAMED.get(name.lower())
        if known is not None:
            return lambda character: (character in known) is name.islower()
        if name in _CONTROL or (name and not name.isalnum()):
            literal = _CONTROL.get(name, name)
            return lambda character: character == literal
        raise PatternError(f"“\\{name}” is not read", at)

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def take(self) -> str:
        sign = self.peek()
        self.at += 1
        return sign


def _one_of(test: Callable[[str], bool]) -> Part:
    return lambda run, places: {place + 1 for place in places if place < len(run.text) and test(run.text[place])}


def _one_after_another(parts: list[Part]) -> Part:
    def ends(run: Run, places: Places) -> Places:
        for part in parts:
            if not places:
                break
            places = part(run, places)
        return places

    return ends


def _either(parts: list[Part]) -> Part:
    return lambda run, places: set().union(*(part(run, places) for part in parts))


def _repeat(part: Part, least: int, most: int | None) -> Part:
    def ends(run: Run, places: Places) -> Places:
        for _ in range(least):
            if not places:
                return places
            run.spend(len(places))
            places = part(run, places)
        found, new, count = set(places), places, least
        while new and (most is None or count < most):
            run.spend(len(new))
            new = part(run, new) - found
            found |= new
            count += 1
        return found

    return ends


def _ahead(part: Part, *, is_wanted: bool) -> Part:
    return lambda run, places: {place for place in places if bool(part(run, {place})) is is_wanted}


def _ends(text: str) -> Places:
    """Where `$` stands: at the end, and before a line end that is the last character."""
    if text.endswith("\r\n"):
        return {len(text), len(text) - 2}
    return {len(text), len(text) - 1} if text[-1:] in _LINE_ENDS and text else {len(text)}
