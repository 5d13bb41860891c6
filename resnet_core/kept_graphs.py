"""The graphs that were asked for last, as many as fit: by their ops, not by their number."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from .spec import NetSpec

if TYPE_CHECKING:
    from .graph import LayerGraph

#: 400 bytes each: about 100 MB, however many users edit however deep nets
MOST_OPS = 250_000


class KeptGraphs:
    """Net -> its graph. Threads share it."""

    def __init__(self, most_ops: int = MOST_OPS):
        self.most_ops, self.num_ops = most_ops, 0
        self._graphs: OrderedDict[NetSpec, LayerGraph] = OrderedDict()  # the newest last
        self._lock = Lock()

    def get(self, net: NetSpec) -> LayerGraph | None:
        with self._lock:
            if net in self._graphs:
                self._graphs.move_to_end(net)
            return self._graphs.get(net)

    def put(self, graph: LayerGraph) -> None:
        """Keeps it, and lets the oldest others go until there is room."""
        with self._lock:
            if graph.net not in self._graphs:
                self._graphs[graph.net] = graph
                self.num_ops += len(graph.ops)
            while self.num_ops > self.most_ops and len(self._graphs) > 1:
                self.num_ops -= len(self._graphs.popitem(last=False)[1].ops)

    def clear(self) -> None:
        with self._lock:
            self._graphs.clear()
            self.num_ops = 0
