"""What all tests share: one thread per process, and no GPU test where there is no GPU."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch starts its threads

import pytest
import torch

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        skip = pytest.mark.skip(reason="needs a CUDA device, and this machine has none")
        for item in items:
            if "gpu" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def own_denormals():
    """Training flushes denormals for its whole process; the next test expects IEEE numbers."""
    yield
    torch.set_flush_denormal(False)
