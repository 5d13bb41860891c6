"""The data set, its split, its batches, and how it is brought to a net."""

import re
from itertools import islice

import pytest
import torch

from resnet_core import data
from resnet_core.data import DATASETS, adapt_spec, adaptations, batches, fit
from resnet_core.presets import digits, preset
from resnet_core.spec import SpecError


@pytest.mark.parametrize("key", DATASETS)
def test_rows_say_what_load_gives(key):
    row = DATASETS[key]
    if problem := row.available():
        with pytest.raises(SpecError, match=re.escape(problem[1:-1])):
            row.load()
        return
    examples = row.load()
    assert examples.train_images.shape == (row.num_train, *row.shape)
    assert examples.test_images.shape == (row.num_test, *row.shape)
    for labels in (examples.train_labels, examples.test_labels):
        assert labels.dtype == torch.int64
        assert labels.unique().tolist() == list(range(len(row.classes)))
    assert examples.train_images.dtype == examples.test_images.dtype == torch.uint8
    images = examples.normalised(examples.train_images).double()
    assert images.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (images.var(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-4


def test_digits_are_those_of_scikit_learn_and_held_out_class_by_class():
    examples = DATASETS["digits"].load()
    labels = torch.cat([examples.train_labels, examples.test_labels])
    # sklearn.datasets.load_digits().target, counted
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    held_out = examples.test_labels.bincount()
    assert (held_out - labels.bincount() / 5).abs().max() < 1
    everything = torch.cat([examples.train_images, examples.test_images]).flatten(1)
    assert len(everything.unique(dim=0)) == 1797  # so no held-out image is trained on


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(data.digits, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"Dataset: the handwritten.*pip install scikit-learn"):
        data.load_digits()
    assert DATASETS["digits"].available().startswith("The handwritten digits come with")


def test_an_epoch_shows_no_image_twice():
    epoch = torch.cat(list(islice(batches(1437, 64, seed=0), 22)))
    assert len(epoch.unique()) == 22 * 64


def test_the_plan_of_batches_depends_on_the_seed_alone():
    def plan(seed):
        return torch.cat(list(islice(batches(100, 8, seed), 30)))

    first = plan(seed=1)
    torch.manual_seed(99)
    assert torch.equal(first, plan(seed=1))
    assert not torch.equal(first, plan(seed=2))
    assert not torch.equal(first[:96], first[96:192])  # the second epoch has its own order


def test_adaptations_are_said_in_words():
    assert adaptations(digits(20), "digits") == []
    assert adaptations(preset("resnet18"), "digits") == [
        "images resized from 8×8 to 224×224 (bilinear)",
        "1 channel repeated to 3",
        "head has 10 outputs instead of 1000",
    ]


def test_the_adapted_spec_has_the_classes_and_nothing_else_changed():
    net = preset("resnet18")
    adapted = adapt_spec(net, "digits")
    assert adapted.num_classes == 10
    assert (adapted.stages, adapted.input_shape) == (net.stages, net.input_shape)
    assert adapt_spec(adapted, "digits") == adapted
    with pytest.raises(SpecError, match=r"Dataset: there is no 'cifar'. Use one of digits"):
        adapt_spec(net, "cifar")


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (5, 9, 13), (1, 4, 4)])
def test_images_fit_any_input(shape):
    images = DATASETS["digits"].load().test_images[:6].float()
    fitted = fit(images, shape)
    assert fitted.shape == (6, *shape)
    assert (fitted == fitted[:, :1]).all()  # every channel shows the one grey image
    assert fitted.is_contiguous(memory_format=torch.channels_last)
    if shape == DATASETS["digits"].shape:
        assert torch.equal(fitted, images)


def test_channels_repeat_in_turn():
    images = torch.arange(3.0).reshape(1, 3, 1, 1)
    assert fit(images, (7, 1, 1)).flatten().tolist() == [0, 1, 2, 0, 1, 2, 0]
