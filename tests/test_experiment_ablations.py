from dataclasses import replace

from wsigen.experiments import ablations
from wsigen.experiments.lab import Lab


def flat(train):
    """All choices of a run by their names."""
    values = train.as_json()
    return values | values.pop("network")


def test_each_variant_differs_from_the_reference_in_its_choice_only():
    train = ablations.PROFILES["paper"].train
    names = ablations.PROFILES["paper"].variants
    reference, *others = (flat(ablations.variant(train, name)) for name in names)
    assert reference == flat(train)
    for name, other in zip(names[1:], others, strict=True):
        changed = {key for key, value in other.items() if reference[key] != value}
        two = name in ("stain jitter", "wider noise")
        assert len(changed) == (2 if two else 1), (name, changed)


def test_group_normalisation_shades_a_place_by_what_lies_around_it(tmp_path):
    config = ablations.PROFILES["smoke"]
    config = replace(config, train=replace(config.train, images=64), patches=4)
    lab = Lab("phantom", cache=tmp_path)
    pixel, group = (ablations.measure(cell, config, lab).values for cell in ablations.cells(config))
    assert group["gap_shade"][0] > 10 * pixel["gap_shade"][0]
    assert group["parameters"] == pixel["parameters"]
    assert len(pixel["loss_unseen"]) == len(config.scales)
