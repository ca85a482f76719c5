"""Simulated readers of known skill, for tests, for the notebook and to plan a study."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from wsigen.seeds import generator
from wsigen.study.design import Study
from wsigen.study.store import Step, Store


def simulate_ratings(
    skills: Sequence[float], synthetic: NDArray[np.bool_], *, shared: float = 0.3, seed: int = 0
) -> NDArray[np.float64]:
    """Ratings of readers whose true AUCs are ``skills``, whole numbers 0 to 100, shape (readers, slides).

    What a reader feels about a slide is normal with variance 1; synthetic slides lie sqrt(2) Phi^-1(skill) higher. The
    part ``shared`` of the variance is the slide's own, the same for all readers, so that they make the same mistakes.
    The rating is 100 Phi(feeling), which keeps the order and with it the AUC.

    Args:
        skills: true AUC of each reader, between 0 and 1; rounding to whole ratings takes a little from extreme ones.
        synthetic: (slides,), which of them are synthetic.
        shared: 0, each reader errs alone, to 1, all feel the same.
        seed: names the readers' and slides' random parts.
    """
    draw = generator(seed, "simulated readers")
    slides = len(synthetic)
    feeling = np.sqrt(shared) * draw.standard_normal(slides)
    feeling = feeling + np.sqrt(1 - shared) * draw.standard_normal((len(skills), slides))
    shift = np.sqrt(2) * stats.norm.ppf(np.asarray(skills, float))[:, None]
    return np.round(100 * stats.norm.cdf(feeling + shift * (synthetic - 0.5)))


def sit_study(study: Study, store: Store, name: str, ratings: Mapping[str, float]) -> None:
    """A simulated reader sits the whole study; the store gets the rows that the app would write.

    The reader consents, and at each slide, in the reader's own order, moves the slider once and submits.

    Args:
        study: what is shown.
        store: where the steps go.
        name: of the reader, who is invited.
        ratings: by slide, 0 real to 100 synthetic; slides to practise on may be left out.
    """
    store.invite(name)
    reader = next(number for number, known, _ in store.readers() if known == name)
    state = store.append(reader, store.state(reader).serial, Step("consent", 0))
    for slide in study.order(reader):
        rating = round(ratings.get(slide, 50))
        for kind in ("change", "submit"):
            step = Step(kind, state.position, slide, rating, 0, study.mpp, study.mpp)
            state = store.append(reader, state.serial, step)
