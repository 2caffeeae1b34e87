"""One thread for work in small pieces, where handing out the pieces costs more than doing them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch and the linear algebra below it to one thread; the old number returns after.

    On a machine whose cores are busy, threads that wait for each other after every small matrix
    slow training down tenfold and more.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
