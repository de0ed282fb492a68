"""Training on several processes and machines: data parallel, by MXNet's KVStore and its parameter server.

from minpy import distributed

solver = Solver(model, distributed.shard(batches), kvstore="dist_sync", ...)

Started by ``python -m minpy launch -n 2 train.py``, or by anything that sets the variables ``DMLC_*``.
"""

from __future__ import annotations

from minpy.distributed.collectives import all_reduce, barrier, broadcast, init, num_workers, rank
from minpy.distributed.sharding import shard

__all__ = ["all_reduce", "barrier", "broadcast", "init", "num_workers", "rank", "shard"]
