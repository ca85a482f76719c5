"""Features: the same for the same images, kept on disk, and apart for images that look different."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from wsigen.errors import WsigenError
from wsigen.metrics.distance import kid
from wsigen.metrics.extractors import Extractor, efficientnet_lite0, extractor
from wsigen.metrics.features import features
from wsigen.metrics.manifold import manifold_scores
from wsigen.phantom.slide import PhantomSlide


@pytest.fixture(scope="module")
def lite():
    return efficientnet_lite0("cpu")


@pytest.fixture(scope="module")
def patches():
    """64 patches of 64 px of one slide, from its tissue."""
    field = PhantomSlide(5, height=2048, width=2048, mpp=0.5).render(1024, 1024, 512, 512)
    return field.reshape(8, 64, 8, 64, 3).swapaxes(1, 2).reshape(-1, 64, 64, 3)


@pytest.fixture(scope="module")
def sharp(lite, patches):
    return features(patches, lite, batch_size=16)


class Counter:
    """An extractor of two features that counts the images it is shown."""

    def __init__(self, weights_sha256="a"):
        self.images = 0
        self.extractor = Extractor(
            "counter", self.network, 8, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), weights_sha256
        )

    def network(self, z):
        self.images += len(z)
        return z.mean((2, 3))[:, :2]


def noise(count, side=8):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def test_features_are_the_same_when_taken_again(sharp, patches):
    again = features(patches[:16], efficientnet_lite0("cpu"))
    assert sharp.shape == (64, 1280)
    assert sharp.dtype == np.float32
    np.testing.assert_array_equal(sharp[:16], again)


def test_features_do_not_depend_on_the_other_images_of_a_batch(sharp, lite, patches):
    alone = features(patches[:3], lite, batch_size=1)
    np.testing.assert_allclose(sharp[:3], alone, atol=1e-4)


def test_real_images_are_told_from_blurred_ones(sharp, lite, patches):
    blurred = features(gaussian_filter(patches, (0, 1.5, 1.5, 0)), lite, batch_size=16)
    same = kid(sharp[::2], sharp[1::2])
    assert same.low < 0 < same.high
    assert kid(sharp, blurred).low > 0
    assert manifold_scores(sharp[::2], sharp[1::2]).precision > 0.5
    assert manifold_scores(sharp, blurred).precision < 0.2


def test_what_was_seen_before_is_read_not_computed(tmp_path):
    counter, images = Counter(), noise(10)
    first = features(images, counter.extractor, cache=tmp_path, batch_size=4)
    assert counter.images == 10
    np.testing.assert_array_equal(
        features(iter(images), counter.extractor, cache=tmp_path, batch_size=4), first
    )
    assert counter.images == 10
    features(noise(14), counter.extractor, cache=tmp_path, batch_size=4)
    assert counter.images == 16  # the last batch was half full; it and the new one are computed


def test_other_pixels_or_other_weights_are_computed_anew(tmp_path):
    counter, images = Counter(), noise(4)
    features(images, counter.extractor, cache=tmp_path)
    changed = images.copy()
    changed[0, 0, 0, 0] ^= 1
    features(changed, counter.extractor, cache=tmp_path)
    assert counter.images == 8
    other = Counter(weights_sha256="b")
    features(images, other.extractor, cache=tmp_path)
    assert other.images == 4


def test_a_damaged_cache_is_mended(tmp_path):
    counter, images = Counter(), noise(4)
    first = features(images, counter.extractor, cache=tmp_path)
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(file.read_bytes()[:50])
    np.testing.assert_array_equal(features(images, counter.extractor, cache=tmp_path), first)
    assert counter.images == 8
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "images", [noise(2).astype(float), noise(2)[..., :1], [noise(1)[0], noise(1, 9)[0]], []]
)
def test_what_is_no_image_is_told(images):
    with pytest.raises(WsigenError, match="expected"):
        features(images, Counter().extractor)


@pytest.mark.parametrize("name", ["vgg16", "inception-v3"])
def test_without_torchvision_the_error_says_what_to_use(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(WsigenError, match="efficientnet-lite0"):
        extractor(name, "cpu")


def test_without_its_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(WsigenError, match=r"wsigen\[metrics\]"):
        extractor()


def test_an_unknown_extractor_is_told():
    with pytest.raises(WsigenError, match="inception-v3"):
        extractor("resnet")


class SmallVGG(nn.Module):
    """Shaped as torchvision's VGG-16, with seven layers in its classifier, but small."""

    def __init__(self):
        super().__init__()
        layers = [nn.Linear(3, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 4), nn.ReLU()]
        self.classifier = nn.Sequential(*layers, nn.Dropout(), nn.Linear(4, 2))

    def forward(self, z):
        return self.classifier(z.mean((2, 3)))


class SmallInception(nn.Module):
    """Shaped as torchvision's Inception-v3, which ends in one layer named fc, but small."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, z):
        return self.fc(z.mean((2, 3)))


@pytest.fixture
def torchvision(monkeypatch, tmp_path):
    """A torchvision whose networks are small, and an empty folder for their weights."""
    module = ModuleType("torchvision")
    urls = (f"https://example.org/{name}-1234.pth" for name in ("vgg16", "inception"))
    vgg16, inception = (SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(url=url)) for url in urls)
    module.models = SimpleNamespace(
        vgg16=lambda weights, init_weights: SmallVGG(),
        VGG16_Weights=vgg16,
        inception_v3=lambda weights, init_weights, transform_input: SmallInception(),
        Inception_V3_Weights=inception,
    )
    monkeypatch.setitem(sys.modules, "torchvision", module)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_without_weights_the_error_says_where_they_go(torchvision):
    with pytest.raises(WsigenError, match=r"vgg16-1234.pth: no weights"):
        extractor("vgg16", "cpu")


def test_vgg_features_are_those_of_the_second_connected_layer(torchvision):
    model = SmallVGG().eval()
    torch.save(model.state_dict(), torchvision / "vgg16-1234.pth")
    images = noise(3, 224)
    z = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean, scale = (
        torch.tensor(n).view(3, 1, 1) for n in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    expected = model.classifier[:5](((z - mean) / scale).mean((2, 3)))
    np.testing.assert_allclose(
        features(images, extractor("vgg16", "cpu")), expected.detach().numpy(), atol=1e-6
    )


def test_inception_features_are_those_before_its_last_layer(torchvision):
    torch.save(SmallInception().state_dict(), torchvision / "inception-1234.pth")
    images = noise(3, 299)
    expected = (images.mean((1, 2)) / 255 - 0.5) / 0.5
    found = features(images, extractor("inception-v3", "cpu"))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "maker", "weights", "dims"),
    [
        ("vgg16", "vgg16", "VGG16_Weights", 4096),
        ("inception-v3", "inception_v3", "Inception_V3_Weights", 2048),
    ],
)
def test_an_installed_torchvision_is_run_as_it_is(
    name, maker, weights, dims, monkeypatch, tmp_path
):
    models = pytest.importorskip("torchvision.models", exc_type=(ImportError, RuntimeError))
    url = getattr(models, weights).IMAGENET1K_V1.url
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    made = getattr(models, maker)(weights=None, init_weights=False)
    torch.save(made.state_dict(), tmp_path / "checkpoints" / url.rsplit("/", 1)[1])
    found = features(noise(2, 64), extractor(name, "cpu"))
    assert found.shape == (2, dims)
    assert found.min() >= 0  # behind a ReLU
    assert found.std() > 0
