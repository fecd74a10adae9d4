"""Loading into main memory where the cores that decrypt are those that copy.

torch copies a tensor with all cores, and its threads then wait for the next one by spinning for some milliseconds
(`GOMP_SPINCOUNT` in the manual of libgomp). With plain files nobody else wants those cores. Here decryption does: on
two cores the spinning took more processor time than decryption (0.65 s beside 0.3 s for 2 GiB; AMD EPYC). So one thread
copies, and others decrypt and have the kernel hand out the parameters' memory, which costs as much as both.
"""
# Its libraries are in the engine's environment only.
# pyright: basic, reportMissingImports=false

import os
from collections.abc import Generator
from contextlib import contextmanager

import torch

from sails_sealed.pages import populated_ahead

FEW = 4
"""With more, several threads copy faster than one, and decryption finds cores that are free."""


@contextmanager
def spared(model: torch.nn.Module) -> Generator[None]:
    """For the time of loading; nothing where there are many cores, or the parameters are on cards."""
    places = [(each.data_ptr(), each.nbytes) for each in model.parameters() if each.device.type == "cpu"]
    if not places or len(os.sched_getaffinity(0)) > FEW:
        yield
        return
    threads = torch.get_num_threads()
    # vLLM's worker puts a refusal in the place of `torch.set_num_threads`, lest it changes what the engine runs with.
    torch._C.set_num_threads(1)
    try:
        with populated_ahead(places):
            yield
    finally:
        torch._C.set_num_threads(threads)
