"""EXPERIMENTS: what is worth seeing, with settings that were measured to show it.

To add one: a row, a check in checks.py, and a place in tests/test_experiments.py, which trains its
smallest size with three seeds.
"""

from __future__ import annotations

from dataclasses import replace

from resnet_core.presets import cifar, digits
from resnet_core.run_config import RunConfig
from resnet_core.spec import NetSpec

from . import checks
from .experiment import Experiment


def bare(net: NetSpec, init: str = "kaiming", norm: str = "none") -> NetSpec:
    """`net` without batch norm."""
    return replace(net, norm=norm, init=init)


def on_gpu(net: NetSpec, **settings) -> RunConfig:
    """Larger images and batches, on the first CUDA device."""
    settings = {"lr": 0.01, "steps": 400, "batch_size": 128} | settings
    return RunConfig(net=net, dataset="shapes32", device="cuda:0", **settings)


GPU_NOTE = "Larger and longer; unlike the settings for a CPU these were not measured."

EXPERIMENTS = {
    "degradation": Experiment(
        title="Degradation",
        question="Does a deep plain net train badly even where its gradients do not vanish?",
        look="Move the step slider from 0 to 20: the plain net's gradients calm down within 20 "
        "steps. All the same its loss stays the higher one.",
        mind="Depth matters: plain nets of 8 and 20 layers do train (20: 94-97% accuracy). A "
        "learning rate of 0.1 hurts the residual net, too. Clipping at 1 keeps the plain net from "
        "learning by itself.",
        measured="After 120 steps: residual 0.02-0.03 nats and 99% accuracy, plain 1.5-1.9 nats "
        "and 26-40%.",
        source="He et al. 2015, sec. 1 and 4.1",
        config=RunConfig(net=digits(56), lr=0.02, steps=120),
        seconds=8,
        smallest=RunConfig(net=digits(44), lr=0.02, steps=60),
        gpu=on_gpu(cifar(110)),
        check=checks.degradation,
    ),
    "vanishing": Experiment(
        title="Vanishing gradients",
        question="What do gradients that really vanish look like, and what do shortcuts do to "
        "them?",
        look="Each block of the plain net takes away most of the gradient: a straight line on the "
        "log axis. With shortcuts it is flat. The loss of the plain net stays at chance.",
        mind="It takes both: no norm, and PyTorch's smaller init. The signal fades on the way "
        "forward as well: even 8 layers stay at chance, whose gradient is only 1.7 decades "
        "smaller at the first block. At a learning rate of 0.01 the residual net is slow, too "
        "(66-78%).",
        measured="Plain: gradients fall by 7.2-7.4 decades at step 0, after 120 steps 7-10% "
        "accuracy and 2.30-2.31 nats. Residual: within 0.4 decades, 96-97% accuracy.",
        source="Glorot and Bengio 2010, sec. 4.2; He et al. 2015b, sec. 2.2",
        config=RunConfig(net=bare(digits(20), "pytorch"), lr=0.1, clip=1.0, steps=120),
        seconds=3,
        smallest=RunConfig(net=bare(digits(20), "pytorch"), lr=0.1, clip=1.0, steps=60),
        gpu=on_gpu(bare(cifar(56), "pytorch"), lr=0.1, clip=1.0),
        check=checks.vanishing,
    ),
    "exploding": Experiment(
        title="Exploding at the start",
        question="Does batch norm keep the gradients of a deep plain net in order?",
        look="At step 0 the plain net's gradient grows from block to block on its way back. Move "
        "the step slider: within 20 steps it is calm.",
        mind="It takes depth: at 20 layers it is 1.1-1.2 decades. At 110 it is 6.6-7.0, and "
        "instead of calming down the plain net's gradients collapse.",
        measured="At step 0: plain +3.4 to +3.5 decades, residual +1.3 to +1.4. Over steps 10 to "
        "20: plain 0.0 to +0.2.",
        source="Yang et al. 2019, sec. 3",
        config=RunConfig(net=digits(56), lr=0.02, steps=21),
        seconds=2,
        smallest=RunConfig(net=digits(56), lr=0.02, steps=21),
        gpu=on_gpu(cifar(56), steps=100, lr=0.02),
        check=checks.exploding,
    ),
    "blow-up": Experiment(
        title="Forward blow-up",
        question="Are shortcuts always good?",
        look="Without a norm each block adds an F(x) about as large as its x: the signal grows "
        "from block to block, the loss starts far above guessing, and the residual net diverges.",
        mind="It takes depth: at 20 layers the signal grows by 0.3-0.7 decades, and the net trains "
        "with some seeds. Clipping at 1 lets even 56 layers train (85-93% after 120 steps at "
        "learning rate 0.05).",
        measured="At step 0: signal +2.7 to +3.0 decades, loss 77-214 nats. Diverged at step 2 "
        "with each seed.",
        source="Zhang et al. 2019, sec. 2; De and Smith 2020, sec. 2",
        config=RunConfig(net=bare(digits(56)), lr=0.02, steps=20),
        seconds=2,
        smallest=RunConfig(net=bare(digits(56)), lr=0.02, steps=20),
        gpu=on_gpu(bare(cifar(56)), steps=20, lr=0.02),
        probe="act_rms",
        check=checks.blow_up,
    ),
    "zero-init": Experiment(
        title="Zero-init cures it",
        question="What if every F starts at zero?",
        look="Kaiming's init diverges; with F(x) = 0 at the start the same net without a norm "
        "keeps its signal, and learns.",
        mind="The plain twin cannot start so, and stays at chance. Learning takes steps: after 80 "
        "it is at 62-82%.",
        measured="Kaiming: diverged at step 2 with each seed. Zero-init: signal within 0.3 "
        "decades, 90-94% accuracy after 120 steps.",
        source="Goyal et al. 2017, sec. 5.1; Zhang et al. 2019, sec. 3",
        config=RunConfig(net=bare(digits(56)), lr=0.05, steps=120),
        seconds=11,
        smallest=RunConfig(net=bare(digits(56)), lr=0.05, steps=100),
        gpu=on_gpu(bare(cifar(56)), lr=0.05),
        series="zero",
        probe="act_rms",
        check=checks.cured,
    ),
    "fixup": Experiment(
        title="Fixup cures it",
        question="Can a deep residual net train without any norm?",
        look="Kaiming's init diverges; Fixup scales F down with depth and starts it at zero: the "
        "signal keeps its size, and the net learns.",
        mind="The learning rate matters: at 0.02 Fixup reaches 47-52% in 120 steps, at 0.1 one "
        "seed of three stays at 20%. At step 0 its gradients are exactly 0, since its classifier "
        "starts there.",
        measured="Kaiming: diverged at step 2 with each seed. Fixup: signal within 0.3 decades, "
        "90-95% accuracy after 120 steps.",
        source="Zhang et al. 2019, sec. 3",
        config=RunConfig(net=bare(digits(56)), lr=0.05, steps=120),
        seconds=11,
        smallest=RunConfig(net=bare(digits(56)), lr=0.05, steps=100),
        gpu=on_gpu(bare(cifar(110)), lr=0.05),
        series="fixup",
        probe="act_rms",
        check=checks.cured,
    ),
    "pre-activation": Experiment(
        title="Pre-activation",
        question="What changes when nothing stands behind the addition?",
        look="Original: a ReLU behind each (+) takes part of what comes back by the shortcuts. "
        "Pre-activation: the direct way through a stage is exactly 1.",
        mind="It is no faster here: at this depth and in so few steps both orders learn. He et al. "
        "2016 gain by it at 164 layers and more.",
        measured="Direct way along stage 1: original 0.42-0.43, pre-activation 1.000. After 60 "
        "steps: original 95-97% accuracy, pre-activation 93-95%.",
        source="He et al. 2016, eq. 5, fig. 4 and table 2",
        config=RunConfig(net=digits(56), lr=0.02, steps=60),
        seconds=8,
        smallest=RunConfig(net=digits(44), lr=0.02, steps=40),
        gpu=on_gpu(cifar(110)),
        series="orders",
        probe="grad_skip",
        check=checks.orders,
    ),
    "depths": Experiment(
        title="Depth sweep, batch norm",
        question="How does the gradient at the first block depend on depth?",
        look="The plain net's grows by a factor per layer, the residual net's far less.",
        mind="This is step 0 alone: after a few steps it looks different (Exploding at the start).",
        measured="Plain, at 8, 20, 56, 110 layers: +0.3, +1.1 to +1.2, +3.4 to +3.5, +6.6 to +7.0 "
        "decades. Residual: +0.3 to +1.7.",
        source="Yang et al. 2019, sec. 3; De and Smith 2020, sec. 2",
        config=RunConfig(net=digits(20), steps=1),
        seconds=6,
        smallest=RunConfig(net=digits(20), steps=1),
        gpu=on_gpu(cifar(20), steps=1),
        series="depths",
        check=checks.depths_with_norm,
    ),
    "depths without norm": Experiment(
        title="Depth sweep, no norm",
        question="How deep can a plain net without a norm be before nothing arrives?",
        look="The plain net's gradient falls by a factor per layer, from 80 layers on to exactly "
        "0. With shortcuts it is about the same at every depth.",
        mind="This is PyTorch's init. With Kaiming's the plain net fades more slowly (56 layers: "
        "4.1-4.8 decades at 8×8, where zero-padding takes its part), and the residual net's signal "
        "grows instead.",
        measured="Plain, at 8, 20, 56 layers: 1.6-1.7, 7.2-7.4, 23.8-24.4 decades less; at 80 and "
        "110 exactly 0. Residual: within 0.4 decades.",
        source="He et al. 2015b, sec. 2.2",
        config=RunConfig(net=bare(digits(20), "pytorch"), steps=1),
        seconds=6,
        smallest=RunConfig(net=bare(digits(20), "pytorch"), steps=1),
        gpu=on_gpu(bare(cifar(20), "pytorch"), steps=1),
        series="depths",
        check=checks.depths_without_norm,
    ),
    "board": Experiment(
        title="Shortcuts and norm, 2 × 2",
        question="Which of the two helps: the shortcut or the norm?",
        look="Four nets on one scale. Without either the gradient vanishes, with the norm alone "
        "it grows on its way back, with shortcuts it changes least; nets with shortcuts are ahead.",
        mind="At 56 layers batch norm's explosion is clearer (3.5 decades), but this learning "
        "rate is too high there for the residual net with one seed of three.",
        measured="After 80 steps, with batch norm: residual 96-98%, plain 30-57% accuracy; "
        "without: residual 90-94%, plain at chance. Plain gradients at step 0: +1.8 to +2.0 with "
        "and -12.8 to -13.3 decades without.",
        source="He et al. 2015, sec. 4.1; Yang et al. 2019, sec. 3",
        config=RunConfig(net=bare(digits(32), "pytorch", "batch"), lr=0.05, steps=80),
        seconds=6,
        smallest=RunConfig(net=bare(digits(32), "pytorch", "batch"), lr=0.05, steps=80),
        gpu=on_gpu(bare(cifar(56), "pytorch", "batch"), lr=0.05),
        series="board",
        check=checks.board,
    ),
}
