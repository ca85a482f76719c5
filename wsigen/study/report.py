"""The report of a study: numbers as JSON, a page of text, and Fig. 8."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from wsigen.errors import WsigenError
from wsigen.outputs import whole
from wsigen.plots import reader_ratings
from wsigen.study import analysis
from wsigen.study.analysis import Estimate, MeanAuc
from wsigen.study.design import KEY, RATINGS, load_study, read_key
from wsigen.study.ratings import Ratings, final_ratings, rating_matrix
from wsigen.study.store import Store


@dataclass(frozen=True)
class ReaderResult:
    """One reader: slides rated, AUC and share of wrong answers; AUC is None with no rating of one class."""

    name: str
    rated: int
    auc: Estimate | None
    error: Estimate


@dataclass(frozen=True)
class Report:
    """What a study says. ``mean`` and ``equivalence_p`` are over the ``complete`` readers, None without any."""

    n_real: int
    n_synthetic: int
    readers: tuple[ReaderResult, ...]
    complete: int
    mean: MeanAuc | None
    equivalence_p: float | None
    margin: float
    agreement: Estimate
    smallest_significant_auc: float
    detectable_auc: float


def analyse(ratings: Ratings, *, margin: float = 0.1) -> Report:
    """Compute every number of the report; ``margin`` is the AUC's distance from 0.5 that still counts as chance."""
    values, synthetic = ratings.values, ratings.synthetic
    n_real, n_synthetic = int((~synthetic).sum()), int(synthetic.sum())
    complete = values[~np.isnan(values).any(axis=1)]
    mean = (
        analysis.mean_auc(complete, synthetic)
        if len(complete) and min(n_real, n_synthetic) > 1
        else None
    )
    return Report(
        n_real=n_real,
        n_synthetic=n_synthetic,
        readers=tuple(
            _reader(name, row, synthetic) for name, row in zip(ratings.readers, values, strict=True)
        ),
        complete=len(complete),
        mean=mean,
        equivalence_p=analysis.equivalence_p(mean, margin) if mean else None,
        margin=margin,
        agreement=analysis.agreement(values),
        smallest_significant_auc=analysis.smallest_significant_auc(n_real, n_synthetic),
        detectable_auc=analysis.detectable_auc(n_real, n_synthetic),
    )


def write_report(folder: Path, out: Path, *, key: Path | None = None, margin: float = 0.1) -> str:
    """Write report.json, report.md and figure_8.png of the study in ``folder`` to ``out``; returns the text.

    Raises:
        WsigenError: no study, no key, or no ratings yet.
    """
    load_study(folder)
    labels = read_key(key or folder / KEY)
    ratings = rating_matrix(final_ratings(Store(folder / RATINGS).steps(), labels), labels)
    report = analyse(ratings, margin=margin)
    text = describe(report)
    figure = reader_ratings(ratings.values, ratings.synthetic, ratings.readers)
    try:
        with whole(out / "figure_8.png") as part:
            figure.savefig(part, format="png", dpi=150)
        with whole(out / "report.json") as part:
            part.write_text(json.dumps(finite(asdict(report)), indent=2), "utf-8")
        with whole(out / "report.md") as part:
            part.write_text(f"{text}\n\n![Fig. 8](figure_8.png)\n", "utf-8")
    except OSError as error:
        raise WsigenError(
            f"{out}: cannot be written ({error.strerror}); choose another --out"
        ) from error
    return f"{text}\n\nwritten to {out}: report.md, report.json, figure_8.png"


def describe(report: Report, shown: str = "slides") -> str:
    """The report as Markdown; ``shown`` is what was rated, in the plural."""
    lines = [
        f"# Reader study: {report.n_real} real against {report.n_synthetic} synthetic {shown}",
        "",
        f"AUC is the probability that one of the synthetic {shown} gets a higher rating than a real one; 0.5 is "
        f"chance. Errors are {shown} on the wrong side of 50, also 0.5 by chance. Brackets hold 95 % confidence "
        "intervals.",
        "",
        "| reader | rated | AUC | errors |",
        "|---|---|---|---|",
    ]
    for reader in report.readers:
        area = _show(reader.auc) if reader.auc else "–"
        lines.append(f"| {reader.name} | {reader.rated} | {area} | {_show(reader.error)} |")
    lines.append("")
    mean, p = report.mean, report.equivalence_p
    if mean and p is not None:
        differs = "not shown to differ" if mean.lower <= 0.5 <= mean.upper else "different"
        verdict = "is" if p < 0.05 else "is not"
        lines += [
            f"- **All readers** ({report.complete} who rated all {shown}; new readers and new {shown}): mean AUC "
            f"{_show(mean)}, {differs} from chance.",
            f"- **Equivalence** to chance within ±{report.margin:g}: {verdict} shown (TOST, p = {p:.3g}).",
        ]
    else:
        lines.append(
            f"- **All readers**: nobody has rated all {shown} yet, so there is no common estimate."
        )
    if not math.isnan(report.agreement.value):
        lines.append(
            f"- **Agreement** between readers: Krippendorff's alpha {_show(report.agreement)}."
        )
    sides = f"{report.n_real} against {report.n_synthetic} {shown}"
    if report.smallest_significant_auc < 1:
        lines.append(
            f"- **Power**: with {sides}, one reader's AUC must exceed {report.smallest_significant_auc:.2f} to differ "
            f"from chance at the 5 % level, and a true AUC of {report.detectable_auc:.2f} is found with probability "
            "0.8. Not to differ is no proof of equality."
        )
    else:
        lines.append(f"- **Power**: {sides} are too few to tell any one reader from chance.")
    return "\n".join(lines)


def _reader(name: str, row: analysis.Array, synthetic: analysis.Labels) -> ReaderResult:
    rated = ~np.isnan(row)
    row, synthetic = row[rated], synthetic[rated]
    n_synthetic, n_real = int(synthetic.sum()), int((~synthetic).sum())
    area = None
    if n_synthetic and n_real:
        area = analysis.auc_interval(
            float(analysis.auc(row[None], synthetic)[0]), n_real, n_synthetic
        )
    return ReaderResult(name, len(row), area, analysis.error_rate(row, synthetic))


def _show(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} [{estimate.lower:.2f}, {estimate.upper:.2f}]"


def finite(value: object) -> object:
    """JSON has no NaN and no infinity: None in their place."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
