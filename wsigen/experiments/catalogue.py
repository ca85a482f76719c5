"""Which experiments there are, what of the paper each repeats, and what it costs. A module is imported when it runs."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from wsigen.errors import WsigenError

PROFILE_NAMES = ("smoke", "classroom", "paper")


@dataclass(frozen=True)
class Experiment:
    """One experiment; its module is ``wsigen.experiments.<name>``.

    Args:
        name: as the command line spells it.
        title: what it makes.
        paper: the figure or table of the paper, or what else it answers.
        smoke, classroom, paper_size: cost of each profile in words; the first two on one CPU thread.
    """

    name: str
    title: str
    paper: str
    smoke: str
    classroom: str
    paper_size: str

    def module(self) -> Any:
        """Import it: it has ``PROFILES``, ``cells(config)`` and ``measure(cell, config, lab)``."""
        return import_module(f"wsigen.experiments.{self.name}")

    def config(self, profile: str) -> Any:
        """Its parameters in a profile."""
        profiles = self.module().PROFILES
        if profile not in profiles:
            raise WsigenError(f"no profile {profile!r}; expected one of {', '.join(profiles)}")
        return profiles[profile]


CATALOGUE = (
    Experiment(
        "solvers",
        "precision and recall over steps and evaluations, by solver",
        "Fig. 5",
        "15 s",
        "6 min",
        "a GPU for a day",
    ),
    Experiment(
        "resolution",
        "precision and recall per micrometre per pixel, and for the mixture",
        "Table 1",
        "10 s",
        "5 min",
        "a GPU for a day",
    ),
    Experiment(
        "telling",
        "a guide projected down to a noise level, or told with noise: how firmly each holds, and how like tissue",
        "Fig. 7 by another way",
        "10 s",
        "6 min",
        "a GPU for a day",
    ),
    Experiment(
        "sections",
        "crops of whole sections on their glass, at every scale, against held-out slides",
        "what the paper left to readers",
        "10 s",
        "8 min",
        "a GPU for an hour",
    ),
    Experiment(
        "distillation",
        "real patches magnified by a student in one, two and four evaluations, beside its teacher",
        "the future work of the paper's end",
        "10 s",
        "4 min",
        "an hour on a GPU",
    ),
    Experiment(
        "overviews",
        "overviews in one patch: tissue, its pieces, and whether they touch the edge",
        "not in the paper",
        "5 s",
        "2 min",
        "minutes",
    ),
    Experiment(
        "organs",
        "what telling the network the organ is worth: the right one, a wrong one, none",
        "not in the paper",
        "5 s",
        "5 min",
        "a GPU for an hour",
    ),
    Experiment(
        "colour",
        "mean colour and its drift from stage to stage, in tissue and in glass",
        "our own; seven stages as in the paper",
        "10 s",
        "5 min",
        "an hour on a GPU",
    ),
    Experiment(
        "memorisation",
        "distance to the nearest training patch, beside that of held-out patients",
        "our own; a number for Fig. 6",
        "10 s",
        "4 min",
        "hours on a GPU",
    ),
    Experiment(
        "memorisation_overviews",
        "the same at 100 to 800 um/px, where a slide fits into a patch, drawn on glass as in training",
        "our own; for models that are told their guide",
        "10 s",
        "2 min",
        "an hour on a GPU",
    ),
    Experiment(
        "slide_level",
        "crops of generated slides against held-out slides, per level; tissue and nuclei",
        "our own; the paper asked readers",
        "10 s",
        "8 min",
        "a GPU for days",
    ),
    Experiment(
        "heldout",
        "distance of generated patches from patients not seen in training, beside that of real ones",
        "not in the paper; wsigen evaluate",
        "10 s",
        "6 min",
        "an hour on a GPU",
    ),
    Experiment(
        "known_changes",
        "what the scores say of real patches that are compressed, blurred, or halved and enlarged",
        "our own; how far a distance is",
        "5 s",
        "6 min",
        "an hour on a CPU",
    ),
    Experiment(
        "samples",
        "eight patches at each of seven scales",
        "our own; the sheet of the model card",
        "5 s",
        "1 min",
        "10 min",
    ),
    Experiment(
        "ablations",
        "what each choice of network and training is worth, on patients not seen",
        "our own; tile mismatch by normalisation",
        "5 s",
        "8 min",
        "a GPU for a day",
    ),
    Experiment(
        "exact_field",
        "seams of grid-shift and its rivals on a field whose best denoiser is known: exact errors",
        "none: what Fig. 4 rests on",
        "5 s",
        "6 min",
        "a CPU for 2 hours",
    ),
    Experiment(
        "best_student",
        "seams that the best possible student would leave, by steps and margin: exact errors",
        "none: the paper's 40 steps have 40 grids",
        "1 s",
        "3 s",
        "a minute",
    ),
    Experiment(
        "rivals",
        "grid-shift and its rivals on the trained model: seams, KID, evaluations, seconds",
        "what Fig. 4 claims",
        "15 s",
        "5 min",
        "20 GPU hours",
    ),
    Experiment(
        "step_seams",
        "what the borders of each step of grid-shift leave on the trained model",
        "what Fig. 4 claims, step by step",
        "5 s",
        "4 min",
        "10 GPU hours",
    ),
    Experiment(
        "relaxation",
        "a region magnified with the first r of N steps guided: images, consistency and detail over r",
        "Fig. 7",
        "10 s",
        "4 min",
        "1 GPU hour",
    ),
    Experiment(
        "super_resolution",
        "a guided stage beside interpolation and a regressor: PSNR, SSIM, KID, sharpness",
        "the appendix",
        "10 s",
        "5 min",
        "a GPU for a day",
    ),
    Experiment(
        "whole_slide",
        "small slides whole: their stages, patches at each magnification, and how near training patches are",
        "Fig. 6, on slides of fewer stages",
        "10 s",
        "4 min",
        "4 GPU hours",
    ),
    Experiment(
        "zoom_neighbours",
        "patches of a few places of a large slide at every scale, and how near training patches are",
        "Fig. 6",
        "10 s",
        "5 min",
        "4 GPU hours",
    ),
    Experiment(
        "zoom_path",
        "one place of a slide at every scale, and what that costs over the size of the slide",
        "Fig. 2",
        "15 s",
        "1 min",
        "an hour on a GPU",
    ),
    Experiment(
        "fewer_evaluations",
        "quality and seams over evaluations per patch: solver, steps, start level, skipped glass",
        "our own; the paper spends 79 a patch",
        "15 s",
        "8 min",
        "a GPU for a day",
    ),
    Experiment(
        "textures",
        "textures of a guided stage by plan, and of whole slides by guided steps, against real tissue",
        "our own; it chose the plan fast",
        "20 s",
        "20 min",
        "a GPU for a day",
    ),
    Experiment(
        "null_seams",
        "the seam test on real slides, which have no seams, and on seams that were planted",
        "our own; what the verdicts on seams rest on",
        "5 s",
        "5 min",
        "an hour, without a GPU",
    ),
    Experiment(
        "scaling",
        "patches, evaluations, operations, seconds and memory over the size of the slide",
        "the ledger behind the 40 minutes",
        "5 s",
        "3 min",
        "hours on a GPU",
    ),
    Experiment(
        "reader_study",
        "a study with simulated readers of known skill, and whether its report finds that skill",
        "Fig. 8",
        "10 s",
        "5 min",
        "28 GPU hours",
    ),
)


def find_experiment(name: str) -> Experiment:
    """Return the experiment of a name."""
    for experiment in CATALOGUE:
        if experiment.name == name:
            return experiment
    names = ", ".join(experiment.name for experiment in CATALOGUE)
    raise WsigenError(f"no experiment {name!r}; expected one of {names}")
