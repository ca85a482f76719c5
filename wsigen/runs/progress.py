"""How far a run has come, and what it has spent."""

from dataclasses import astuple, dataclass
from typing import NamedTuple

from wsigen.plan import Stage


class Position(NamedTuple):
    """How far a run has come: so many patches of a step of a stage are done, and all before."""

    stage: int = 0
    step: int = 0
    patches: int = 0


@dataclass
class Spent:
    """What a stage has spent, in all sittings of a run, as far as they were noted before they ended.

    Args:
        patches: that have taken a step, over all steps.
        evaluations: of the network.
        skipped: of the patches, those that needed none.
        seconds: that went by.
    """

    patches: int = 0
    evaluations: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def add(self, other: "Spent") -> None:
        """Count what a part of the stage has spent."""
        self.patches += other.patches
        self.evaluations += other.evaluations
        self.skipped += other.skipped
        self.seconds += other.seconds


@dataclass(frozen=True)
class Progress:
    """After a batch: the stage and step, and what the stage has spent of what it will."""

    stage: Stage
    step: int
    patches: int  # patches that have taken a step, over all steps so far
    patches_in_all: int
    evaluations: int
    seconds: float
    skipped: int = 0  # of the patches, those that needed no evaluation: empty glass

    @classmethod
    def of(cls, stage: Stage, step: int, spent: Spent, patches_in_all: int) -> "Progress":
        """What a stage has spent, in all sittings."""
        done, evaluations, skipped, seconds = astuple(spent)
        return cls(stage, step, done, patches_in_all, evaluations, seconds, skipped)
