"""Graphs are kept by their size: nobody can fill the server's memory by editing deep nets."""

from dataclasses import replace

from resnet_core import graph
from resnet_core.graph import trace
from resnet_core.kept_graphs import KeptGraphs
from resnet_core.presets import cifar


def test_a_net_is_traced_once():
    assert trace(cifar(14)) is trace(cifar(14))


def test_the_oldest_go_when_there_are_too_many_ops():
    nets = [replace(cifar(8), num_classes=n) for n in (2, 3, 4)]
    size = len(trace(nets[0]).ops)
    kept = KeptGraphs(most_ops=2 * size)
    for net in nets[:2]:
        kept.put(trace(net))
    kept.get(nets[0])  # now it is the newest
    kept.put(trace(nets[2]))
    assert [kept.get(net) is not None for net in nets] == [True, False, True]
    assert kept.num_ops == 2 * size


def test_one_graph_is_kept_however_large():
    kept = KeptGraphs(most_ops=1)
    kept.put(trace(cifar(8)))
    assert kept.get(cifar(8)) and kept.num_ops > 1


def test_deep_nets_do_not_pile_up():
    for depth in range(500, 560, 6):
        trace(replace(cifar(depth), num_classes=depth))
    assert graph.KEPT.num_ops <= graph.KEPT.most_ops


def test_put_twice_is_counted_once():
    kept = KeptGraphs()
    for _ in range(2):
        kept.put(trace(cifar(8)))
    assert kept.num_ops == len(trace(cifar(8)).ops)
