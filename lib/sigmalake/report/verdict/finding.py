"""What a verdict is made of: one finding a subject, each with the threshold that it rests on and where its numbers are."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

_SYMBOLS = {"R2", "Sigma"}  # written alike within a sentence
NAMED = 4  # of many names, how many a sentence lists


class Level(StrEnum):
    """What a finding means for whoever uses the model, from the best to the worst."""

    GOOD = "good"
    NOTE = "note"  # a fact that is neither good nor bad
    WATCH = "watch"
    ACT = "act"  # the model is not to be relied on before it is mended


class Finding(NamedTuple):
    """One subject, judged. Texts are plain: whoever shows them escapes them."""

    level: Level
    subject: str  # two or three words
    text: str  # what was found, with its numbers, in whole sentences
    threshold: str  # what it was held against, and why
    action: str  # what to do; empty where there is nothing to do
    table: str  # where the numbers are
    section: str  # of the page, by its anchor


class Verdict(NamedTuple):
    """All findings, the worst first."""

    findings: Sequence[Finding]

    def of(self, *levels: Level) -> list[Finding]:
        """The findings of some levels."""
        return [finding for finding in self.findings if finding.level in levels]

    @property
    def level(self) -> Level:
        """The worst of all levels."""
        order = list(Level)
        return max((finding.level for finding in self.findings), key=order.index, default=Level.NOTE)

    @property
    def headline(self) -> str:
        """One sentence for whoever reads nothing else."""
        act, watch = len(self.of(Level.ACT)), len(self.of(Level.WATCH))
        if act:
            also = f" {counted(watch, 'more point')} {'is' if watch == 1 else 'are'} to be watched." if watch else ""
            return (
                f"Do not rely on this model before {counted(act, 'point')} {'is' if act == 1 else 'are'} mended: "
                f"{self._subjects(Level.ACT)}.{also}"
            )
        if watch:
            return f"This model can be used, with {counted(watch, 'point')} to watch: {self._subjects(Level.WATCH)}."
        return "This model can be used: no check found anything to watch."

    def _subjects(self, level: Level) -> str:
        """What the findings of a level are about, each once."""
        subjects = [finding.subject for finding in self.of(level)]
        names = [subject if subject in _SYMBOLS else subject[0].lower() + subject[1:] for subject in subjects]
        return listed(list(dict.fromkeys(names)), 6)


def worst_first(findings: Sequence[Finding]) -> Verdict:
    """The verdict of findings, the worst first and otherwise in their order."""
    order = list(Level)
    return Verdict(sorted(findings, key=lambda finding: -order.index(finding.level)))


def counted(count: int, one: str) -> str:
    """How many, in words: `1 date`, `2 dates`, `1,024 dates`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def listed(names: Sequence[str], most: int = NAMED) -> str:
    """The first of some names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage; a small one that is not 0 keeps a digit that tells."""
    if 0 < abs(share) < 0.5 * 10 ** -(digits + 2):
        return f"{100 * share:.1g} %"
    return f"{100 * share:.{digits}f} %"
