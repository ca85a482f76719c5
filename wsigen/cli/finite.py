"""Numbers on the command line: finite ones. ``nan`` is between all bounds, since no comparison with it holds."""

import math
from typing import Any

import click

from wsigen.errors import WsigenError


class _Finite(click.types.FloatParamType):
    """A finite number."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            name = param.opts[0] if param and param.opts else "a number"
            raise WsigenError(f"{name} is {found}; expected a finite number")
        return found


class Finite(_Finite, click.FloatRange):
    """A finite number within bounds."""


FINITE = _Finite()
