"""A checkpoint is read without running it, its net inferred, its weights give its outputs."""

import collections
import io
import json
import os
import pickle
import random
import struct
import zipfile
from dataclasses import replace

import pytest
import torch
from foreign_nets import FOREIGN, with_random_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import nets
from safetensors.torch import save as safetensors_bytes

from resnet_core.blocks import ORDERS
from resnet_core.checkpoints import CheckpointError, infer, limits, load_into, read
from resnet_core.checkpoints.loading import fit_of
from resnet_core.net import assemble, build
from resnet_core.presets import PRESETS, cifar, digits, preset
from resnet_core.spec import SpecError
from resnet_core.stems import STEMS

#: name at home -> preset, whose names, parameters, entries of the state_dict (None: not published);
#: the counts are torchvision's and timm's source run on the meta device, and akamaster's
PUBLISHED = {
    "resnet18": ("resnet18", "torchvision", 11_689_512, 122),
    "resnet50": ("resnet50", "torchvision", 25_557_032, 320),
    "resnext50_32x4d": ("resnext50-32x4d", "torchvision", 25_028_904, 320),
    "wide_resnet50_2": ("wide-resnet50-2", "torchvision", 68_883_240, 320),
    "resnet10t": ("resnet10t", "timm", 5_435_488, None),
    "resnet50c": ("resnet50c", "timm", 25_576_264, None),
    "resnet50d": ("resnet50d", "timm", 25_576_264, None),
    "seresnet50": ("se-resnet50", "timm", 28_088_024, None),
    "ecaresnet50d": ("eca-resnet50d", "timm", 25_576_350, None),
    "resnetaa50": ("resnet50-avg", "torchvision", 25_557_032, 320),
    "resnet50_gn": ("resnet50-gn", "timm", 25_557_032, None),
    "resnetv2_50": ("resnetv2-50", "timm", 25_549_352, None),
    "resnetv2_50d": ("resnetv2-50d", "timm", 25_568_584, None),
    "akamaster_resnet20": ("resnet20", "torchvision", 269_722, None),
}


def on_meta(make):
    """What make() gives, without its numbers."""
    with torch.device("meta"):
        return make()


def saved(content) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def small_weights() -> dict:
    return build(digits(20)).state_dict()


def cifar_weights() -> dict:
    """Few and small."""
    stages = tuple(replace(stage, width=4) for stage in cifar(8).stages)
    return build(replace(cifar(8), stages=stages, stem_width=4)).state_dict()


def as_assumed(net, found):
    """`net` with what was assumed of it: all that may differ from what was found."""
    net = replace(net, name=found.net.name)
    for field in {note.field for note in found.assumptions}:
        place, _, column = field.rpartition(".")
        if hasattr(net, field):
            net = replace(net, **{field: getattr(found.net, field)})
            continue
        rows = [
            replace(row, **{column: getattr(known, column)})
            if place in ("", f"stage{number}")
            else row
            for number, (row, known) in enumerate(zip(net.stages, found.net.stages), start=1)
        ]
        net = replace(net, stages=tuple(rows))
    return net


# ---- whose names, which net


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_net_is_found_by_its_names_and_shapes_alone(name):
    key, family, params, entries = PUBLISHED[name]
    module = on_meta(FOREIGN[name])
    assert sum(p.numel() for p in module.parameters()) == params  # the copy is the original's size
    assert entries in (None, len(module.state_dict()))
    found = infer(module.state_dict())
    assert found.family == family and not found.unknown
    net = replace(found.net, antialias="avg") if name == "resnetaa50" else found.net
    assert replace(net, name=preset(key).name) == preset(key)


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_weights_give_its_outputs(name):
    theirs = with_random_weights(FOREIGN[name](**narrow(name)))
    tensors = read(saved(theirs.state_dict()))
    net = infer(tensors).net
    net = replace(net, antialias="avg") if name == "resnetaa50" else net
    ours = load_into(net, tensors)
    assert ours.fit.is_whole and len(ours.fit.taken) == len(tensors)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        wanted, out = theirs.double()(x), ours.module.double()(x)
    assert wanted.std() > 0.1  # else everything would be equal
    torch.testing.assert_close(out, wanted, rtol=1e-10, atol=1e-10)


def narrow(name) -> dict:
    """A width that keeps the test quick; 32 groups of the first norm need 32."""
    if name == "akamaster_resnet20":
        return {}
    return {"width": 32 if name == "resnet50_gn" else 16, "classes": 7}


def test_a_wrong_stride_place_is_seen_in_the_outputs():
    """The test above can fail: what is assumed matters."""
    theirs = with_random_weights(FOREIGN["resnet50"](width=16, classes=7))
    net = infer(theirs.state_dict()).net
    stages = tuple(replace(stage, block="bottleneck-2015") for stage in net.stages)
    ours = load_into(replace(net, stages=stages), theirs.state_dict())
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert ours.fit.is_whole and (ours.module(x) - theirs(x)).abs().max() > 0.1


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_is_found_from_its_own_names_up_to_what_is_said(key):
    net = PRESETS[key].net
    weights = on_meta(lambda: assemble(net)).state_dict()
    found = infer(weights)
    assert found.family == "this project" and not found.unknown
    assert as_assumed(net, found) == found.net
    assert net.num_classes == found.net.num_classes
    assert [s.num_blocks for s in net.stages] == [s.num_blocks for s in found.net.stages]


def test_what_cannot_be_told_is_a_short_list():
    """Beyond it, `as_assumed` above would hide mistakes."""
    told = {note.field for note in infer(on_meta(FOREIGN["resnet50d"]).state_dict()).assumptions}
    assert told == {
        "activation", "antialias", "stochastic_depth", "init", "order", "stem_pool", "input_shape",
        "stride", "block",
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(nets)
def test_any_net_of_ours_is_found_as_one_that_takes_all_its_weights(net):
    weights = on_meta(lambda: assemble(net)).state_dict()
    found = on_meta(lambda: assemble(infer(weights).net)).state_dict()
    shapes = {key: tensor.shape for key, tensor in weights.items()}
    assert {key: tensor.shape for key, tensor in found.items()} == shapes


@pytest.mark.parametrize("head", ["head.", "head.fc."])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stem", STEMS)
def test_a_net_of_ours_without_its_head_is_found(head, order, stem):
    net = replace(preset("resnet18"), order=order, stem=stem, num_classes=10)
    weights = on_meta(lambda: assemble(net)).state_dict()
    body = {key: tensor for key, tensor in weights.items() if not key.startswith(head)}
    whole, found = infer(weights), infer(body)
    assert found.family == "this project" and not found.unknown
    assert found.net == replace(whole.net, num_classes=1000)  # that of ImageNet is assumed
    assert {note.field for note in found.assumptions} >= {"num_classes"}
    assert on_meta(lambda: fit_of(found.net, body)).missing == tuple(
        k for k in weights if k.startswith(head) and "tracked" not in k
    )


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict", "state_dict_ema"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_wrappers_and_prefixes_come_off(wrapper, prefix):
    weights = FOREIGN["resnet10t"](width=16).state_dict()
    inner = {prefix + key: tensor for key, tensor in weights.items()}
    content = {"epoch": 90, wrapper: inner, "best": [1.5, None], "name": "resnet10t"}
    tensors = read(saved(content))
    result = load_into(infer(tensors).net, tensors)
    assert result.fit.is_whole and len(result.fit.taken) == len(weights)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read_and_loaded_as_float32(dtype):
    weights = {k: t.to(dtype) if t.ndim else t for k, t in small_weights().items()}
    for content in (saved(weights), safetensors_bytes(weights)):
        tensors = read(content)
        assert tensors["head.fc.weight"].dtype == dtype
        module = load_into(digits(20), tensors).module
        expected = weights["stem.conv.weight"].float()
        assert torch.equal(module.stem.conv.weight, expected)


def test_what_did_not_fit_is_said():
    weights = FOREIGN["resnet18"](width=16, classes=7).state_dict()
    weights["layer1.0.extra.weight"] = torch.zeros(1)
    del weights["layer2.1.conv2.weight"]
    net = replace(infer(FOREIGN["resnet18"](width=16).state_dict()).net, num_classes=5)
    stages = (*net.stages[:3], replace(net.stages[3], shortcut="A"))
    result = load_into(replace(net, stages=stages), weights)
    assert result.fit.missing == ("stage2.1.residual.conv2.weight",)
    assert [str(wrong) for wrong in result.fit.wrong_shape] == [
        "head.fc.bias is 7 in the file, 5 in the net",
        "head.fc.weight is 7×128 in the file, 5×128 in the net",
    ]
    unfit = {path for path in result.fit.unexpected if not path.startswith("stage4.0.shortcut.")}
    assert unfit == {"layer1.0.extra.weight"} and len(result.fit.unexpected) == 7
    assert not result.fit.is_whole


# ---- no residual net


@pytest.mark.parametrize(
    "names, words",
    [
        ({"transformer.h.0.attn.weight": (3, 3)}, r"found 'transformer\.h\.0\.attn\.weight'"),
        ({"a" * 5000: (3,)}, "found 'aaaa"),
        ({"\x1b[31m\n": (1,)}, r"x1b\[31m"),
        ({}, "no tensors"),
    ],
)
def test_no_resnet_gets_a_sentence_with_what_was_looked_for_and_found(names, words):
    with pytest.raises(CheckpointError, match=words) as e:
        infer({name: torch.zeros(shape) for name, shape in names.items()})
    assert len(str(e.value)) < 700 and str(e.value).isprintable()
    if names:
        assert str(e.value).count("'layer1.0.conv1.weight' (torchvision)") == 1


def broken(change) -> dict:
    weights = on_meta(lambda: FOREIGN["resnet18"](width=16)).state_dict()
    change(weights)
    return weights


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda w: w.pop("layer2.0.conv1.weight"), "Stage 2, block 1: conv1 of F is missing"),
        (lambda w: w.update({"layer2.0.conv2.weight": torch.zeros(3)}), "3 is no weight of a conv"),
        (lambda w: w.update({"conv1.weight": torch.zeros(16, 0, 7, 7)}), "empty"),
        (lambda w: w.update({"conv1.weight": torch.zeros(16, 3, 5, 5)}), "none of 3x3, 7x7"),
        (lambda w: w.update({"layer1.7.conv1.weight": w["layer1.1.conv1.weight"]}), "2 is missing"),
        (lambda w: w.update({"layer9999.0.conv1.weight": w["conv1.weight"]}), "5 is missing"),
        (
            lambda w: w.update({"layer1.1.conv1.weight": torch.zeros(8, 16, 3, 3)}),
            "does not take the 8 channels",
        ),
        (lambda w: w.update({"module.conv1.weight": torch.zeros(1)}), "only in their prefix"),
    ],
)
def test_a_net_that_no_stage_table_describes_is_refused_with_its_place(change, words):
    with pytest.raises(SpecError, match=words):
        infer(broken(change))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_of_names_and_shapes_is_inferred_or_a_spec_error(data):
    weights = on_meta(lambda: FOREIGN["resnet18"](width=16)).state_dict()
    for key in data.draw(st.lists(st.sampled_from(sorted(weights)), max_size=3)):
        shape = data.draw(st.lists(st.integers(0, 9), max_size=5))
        with torch.device("meta"):
            weights[data.draw(st.sampled_from(sorted(weights)))] = torch.empty(shape)
        weights.pop(key, None)
    try:
        infer(weights)
    except SpecError as e:
        assert e.problem and e.remedy


# ---- hostile files


class Command:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class Storage:
    def __init__(self, numbers):
        self.numbers = numbers


class Claim:
    """A tensor of any shape over a storage of any length."""

    def __init__(self, numbers, shape, strides):
        self.args = Storage(numbers), 0, shape, strides, False, collections.OrderedDict()

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, self.args


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", torch.FloatStorage, "0", "cpu", value.numbers


def pickled(content, protocol=2) -> bytes:
    file = io.BytesIO()
    Pickler(file, protocol=protocol).dump(content)
    return file.getvalue()


def zipped(pickle_bytes, *more, method=zipfile.ZIP_STORED, storage=bytes(40)) -> bytes:
    """An archive as torch lays it out, with `more` entries (name, bytes)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        entries = (
            ("a/data.pkl", pickle_bytes),
            ("a/version", b"3\n"),
            ("a/byteorder", b"little"),
            ("a/data/0", storage),
        )
        for name, content in (*entries, *more):
            archive.writestr(name, content)
    return file.getvalue()


def lying_directory() -> bytes:
    """A real checkpoint whose last record names more entries than there are bytes."""
    content = bytearray(saved({"x": torch.zeros(3)}))
    place = content.rfind(b"PK\x06\x06")
    content[place + 32 : place + 40] = struct.pack("<Q", 10**15)
    return bytes(content)


def two_directories() -> bytes:
    """An archive hidden as the comment of another one: readers differ on which it is."""
    inner, outer = zipped(pickled({})), bytearray(zipped(pickled({})))
    outer[-2:] = struct.pack("<H", len(inner))
    return bytes(outer) + inner


def safetensors(header, data=b"", length=None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def row(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


GOOD = pickled({"x": Claim(10, (10,), (1,))})
ROW = b'"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
#: what is wrong -> (the file, words of its sentence)
HOSTILE = {
    "empty": (b"", "neither a .safetensors nor a .pth"),
    "random": (random.Random(0).randbytes(5000), "neither"),
    "text": (b"hello, I am no checkpoint", "neither"),
    "legacy": (pickled({"x": 1}), "bare pickle"),
    "compressed": (zipped(GOOD, method=zipfile.ZIP_DEFLATED), "compressed"),
    "bomb": (zipped(GOOD, method=zipfile.ZIP_DEFLATED, storage=bytes(10**7)), "compressed"),
    "lzma": (zipped(GOOD, method=zipfile.ZIP_LZMA), "compressed"),
    "traversal": (zipped(GOOD, ("../../etc/passwd", b"x")), r"'\.\./\.\./etc/passwd' is no weight"),
    "absolute": (zipped(GOOD, ("/a/data/1", b"x")), "is no weight"),
    "backslash": (zipped(GOOD, ("a\\..\\data/1", b"x")), "is no weight"),
    "program": (zipped(GOOD, ("a/code/net.py", b"import os")), "is no weight"),
    "two roots": (zipped(GOOD, ("b/data/1", b"x")), "torch did not write it"),
    "two pickles": (zipped(GOOD, ("b/data.pkl", GOOD)), "torch did not write it"),
    "no pickle": (saved({"x": torch.zeros(1)}).replace(b"data.pkl", b"data/777"), "did not write"),
    "two directories": (two_directories(), "directory is not where it should be"),
    "lying directory": (lying_directory(), "entries are more than"),
    "prefixed": (b"PK\x03\x04" + zipped(GOOD), "directory is not where it should be"),
    "half": (saved({"x": torch.zeros(9999)})[:20_000], "the end of the file is missing"),
    "no end": (zipped(GOOD)[:-1], "the end of the file is missing"),
    "only the mark": (b"PK\x03\x04", "the end of the file is missing"),
    "fuller than it is": (zipped(pickled({"x": Claim(10**12, (10,), (1,))})), "damaged"),
    "wide": (zipped(pickled({"x": Claim(10, (10**6, 10**6), (10**6, 1))})), "damaged"),
    "repeated": (zipped(pickled({"x": Claim(10, (10**9, 10**9), (0, 0))})), "claims 1,000,000,"),
    "negative": (zipped(pickled({"x": Claim(10, (-5,), (1,))})), "damaged"),
    "allocates": (zipped(b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R."), "bytearray"),
    "named newly": (zipped(pickled({"x": collections.Counter}, protocol=4)), "not of the kind"),
    "no end of pickle": (zipped(GOOD[:-1]), "damaged"),
    "whole module": (zipped(pickled(torch.nn.ReLU())), "nothing of it was run"),
    "number": (zipped(pickled(5)), "holds a int, no weights"),
    "list": (saved([torch.zeros(1)]), "holds a list, no weights"),
    "no tensor": (saved({"a": 1, "b": {"c": "d"}}), "no tensors"),
    "by number": (saved({1: torch.zeros(1)}), "not by a name"),
    "sparse": (zipped(pickled({"x": torch.sparse_coo})), "nothing of it was run"),
    "complex": (saved({"x": torch.zeros(2, dtype=torch.complex64)}), "ComplexFloatStorage"),
    "st header beyond": (safetensors({}, length=10**12), "header of 1,000,000,000,000 bytes"),
    "st no json": (safetensors(b"{nonsense"), "not JSON"),
    "st deep": (safetensors(b'{"a":' * 100_000), "not JSON"),
    "st twins": (safetensors(b"{" + ROW + b"," + ROW + b"}", bytes(4)), "have one name"),
    "st huge": (safetensors({"x": row([10**9, 10**9], 0, 4 * 10**18)}, bytes(8)), "does not fit"),
    "st short": (safetensors({"x": row([4], 0, 8)}, bytes(8)), "does not fit"),
    "st beyond": (safetensors({"x": row([4], 0, 16)}, bytes(8)), "does not fit"),
    "st negative": (safetensors({"x": row([-1], 8, 4)}, bytes(8)), "does not fit"),
    "st true": (safetensors({"x": row([True], 0, 4)}, bytes(4)), "does not fit"),
    "st odd row": (safetensors({"x": 3}), "not described as a tensor"),
    "st odd type": (safetensors({"x": row([1], 0, 1, "Q9")}, bytes(1)), "not described"),
    "st overlap": (safetensors({"x": row([1], 0, 4), "y": row([1], 0, 4)}, bytes(4)), "damaged"),
    "st hole": (safetensors({"x": row([1], 4, 8)}, bytes(8)), "damaged"),
    "st empty": (safetensors({}), "no tensors"),
    "st bytes": (safetensors({"x": row([1], 0, 1, "U8")}, bytes(1)), "no plain tensor"),
}


@pytest.mark.parametrize("as_path", [False, True], ids=["bytes", "path"])
@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_file_gets_its_sentence(key, as_path, tmp_path):
    content, words = HOSTILE[key]
    source = content
    if as_path:
        source = tmp_path / "net.pth"
        source.write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as e:
        read(source)
    assert e.value.where == "checkpoint" and e.value.remedy and str(e.value).isprintable()


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("wrap", [zipped, bytes], ids=["zip", "bare"])
def test_no_code_in_a_file_runs(protocol, wrap, tmp_path):
    trace = tmp_path / "was here"
    attack = pickled({"state_dict": Command(trace)}, protocol)
    for content in (attack, pickled([Command(trace)], protocol)):
        with pytest.raises(CheckpointError):
            read(wrap(content))
    assert not trace.exists()
    pickle.loads(attack)  # what was refused is a real attack
    assert trace.is_dir()


def test_a_command_as_torch_itself_saves_it_is_refused_by_name(tmp_path):
    content = saved({"state_dict": Command(tmp_path / "was here")})
    with pytest.raises(CheckpointError, match=r"'posix\.mkdir', which is no weight; nothing of it"):
        read(content)


def test_two_entries_of_one_name_are_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zipped(GOOD, ("a/data/0", bytes(40)))
    with pytest.raises(CheckpointError, match="two entries of one name"):
        read(content)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "net.pth"
    with path.open("wb") as file:
        file.truncate(limits.MAX_FILE + 1)  # takes no room on the disk
    with pytest.raises(CheckpointError, match=r"2\.0 GiB are more than 2 GiB"):
        read(path)


def test_tensors_that_share_bytes_do_not_add_up_beyond_the_limit(monkeypatch):
    tensor = torch.zeros(1000)
    content = saved({str(number): tensor for number in range(10)})
    assert len(read(content)) == 10 and len(content) < 20_000
    monkeypatch.setattr("resnet_core.checkpoints.reading.MAX_FILE", 20_000)
    with pytest.raises(CheckpointError, match="share the same bytes"):
        read(content)


def test_limits_on_what_describes_the_tensors_hold(monkeypatch):
    content = saved({str(number): torch.zeros(1) for number in range(50)})
    for limit, words in (
        ("torch_file.MAX_TENSORS", "entries are more than 40"),
        ("torch_file.MAX_STEPS", "more than 40 instructions"),
        ("torch_file.MAX_TABLE", "entries are more than"),
        ("reading.MAX_TENSORS", "50 tensors are more than 40"),
    ):
        with monkeypatch.context() as patch, pytest.raises(CheckpointError, match=words):
            patch.setattr(f"resnet_core.checkpoints.{limit}", 40)
            read(content)


def test_a_tuple_of_tuples_that_would_take_for_ever_to_compare_is_refused():
    bomb = b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 100 + b"}h\x00Ns."  # {((..), (..)): None}
    with pytest.raises(CheckpointError, match="again and again"):
        read(zipped(bomb))


def test_the_state_of_training_beside_the_weights_does_not_matter():
    net = build(digits(20))
    optimizer = torch.optim.AdamW([{"params": [p]} for p in list(net.parameters())[:4]])
    net(torch.zeros(1, 1, 8, 8)).sum().backward()
    optimizer.step()
    content = saved({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3})
    assert load_into(digits(20), read(content)).fit.is_whole


def test_an_attribute_in_the_way_of_a_dict_is_no_way_in():
    class Posing:
        def __reduce__(self):
            hidden = {"items": 5, "get": 5, "keys": 5, "__len__": 5}
            return collections.OrderedDict, ([("x", Claim(10, (10,), (1,)))],), hidden

    assert list(read(zipped(pickled(Posing())))) == ["x"]
    assert list(read(zipped(pickled({"state_dict": Posing()})))) == ["x"]


@pytest.mark.parametrize("name", ["missing.pth", ".", "pipe", "no\0name", "x" * 5000])
def test_what_is_no_file_is_refused(name, tmp_path):
    if name == "pipe":
        os.mkfifo(tmp_path / name)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read(tmp_path / name)


def test_the_content_tells_the_format_not_the_name(tmp_path):
    weights = small_weights()
    for name, content in (
        ("net.pth", safetensors_bytes(weights)),
        ("net.safetensors", saved(weights)),
        ("net", saved(weights)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        for source in (path, str(path), content, io.BytesIO(content)):
            tensors = read(source)
            assert all(torch.equal(tensors[key], weights[key]) for key in weights)
            assert load_into(infer(tensors).net, tensors).fit.is_whole


FILES = {"zip": saved(cifar_weights()), "safetensors": safetensors_bytes(cifar_weights())}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_damage_gives_tensors_or_a_sentence(kind, data):
    content = bytearray(FILES[kind])
    content = (
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    for _ in range(data.draw(st.integers(0, 5)) if content else 0):
        # nearer to the ends, where what describes the tensors is
        place = int(len(content) * data.draw(st.floats(0, 1)) ** 4) % len(content)
        content[-place if data.draw(st.booleans()) else place] = data.draw(st.integers(0, 255))
    try:
        tensors = read(bytes(content))
    except CheckpointError as e:
        assert str(e).isprintable()
    else:
        assert sum(tensor.nbytes for tensor in tensors.values()) <= len(FILES[kind])
