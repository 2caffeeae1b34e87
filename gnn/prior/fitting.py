"""Fit the priors of several memories, for every choice of those that may be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from gnn.base import ProgressReport, Scaler, no_progress, one_thread
from gnn.evidence import Prior
from gnn.prior.priors import Priors
from gnn.prior.tables import Drawn, draw_table
from schema.ids import text_hash
from schema.memory_graph import Floats, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class PriorConfig:
    """How priors are fitted."""

    #: Tables drawn of each memory; each counts the same.
    tables: int = 16
    networks: int = 3
    hidden: int = 32
    dropout: float = 0.2
    steps: int = 700
    batch: int = 1024
    learning_rate: float = 3e-3
    weight_decay: float = 0.02


def fit_priors(
    graphs: Sequence[MemoryGraph],
    *,
    seed: int = 0,
    config: PriorConfig | None = None,
    progress: ProgressReport = no_progress,
) -> Priors:
    """Fit a prior to all memories, and to every choice of some of them.

    Args:
        graphs: of the memories, whose names differ.
        seed: of draws and weights.
        config: of the fit.
        progress: told of each choice.
    """
    config = config or PriorConfig()
    rng = np.random.default_rng(seed)
    drawn = {
        graph.memory: [draw_table(graph, rng) for _ in range(config.tables)] for graph in graphs
    }
    names = sorted(drawn)
    choices = [c for size in range(1, len(names) + 1) for c in combinations(names, size)]
    priors: dict[tuple[str, ...], Prior] = {}
    for number, choice in enumerate(choices):
        priors[choice] = fit_prior([drawn[name] for name in choice], seed=seed, config=config)
        progress("fit priors", number + 1, len(choices))
    queries = {
        graph.memory: np.unique(np.array([text_hash(t) for t in graph.query_text_Q], np.int64))
        for graph in graphs
    }
    return Priors(queries=queries, priors=priors)


def fit_prior(
    drawn: Sequence[Sequence[Drawn]], *, seed: int, config: PriorConfig | None = None
) -> Prior:
    """Fit one prior to the tables of some memories; each memory counts the same."""
    config = config or PriorConfig()
    tables = [table for of_memory in drawn for table in of_memory]
    weight_N = np.concatenate([np.full(len(t.reward_N), 1 / len(t.reward_N)) for t in tables])
    number_NF = np.concatenate([table.number_NF for table in tables]).astype(np.float32)
    reward_N = np.concatenate([table.reward_N for table in tables]).astype(np.float32)
    scaler = Scaler.fit(number_NF)
    x_NF = torch.from_numpy(scaler(number_NF).astype(np.float32))
    with one_thread(), torch.random.fork_rng():
        nets = [
            _fit_network(
                x_NF,
                torch.from_numpy(reward_N),
                torch.from_numpy(weight_N),
                config,
                seed * 100 + number,
            )
            for number in range(config.networks)
        ]
    return Prior(mean_F=scaler.mean_F, factor_F=scaler.factor_F, **_stacked(nets))


def _fit_network(
    x_NF: torch.Tensor,
    reward_N: torch.Tensor,
    weight_N: torch.Tensor,
    config: PriorConfig,
    seed: int,
) -> nn.Sequential:
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Dropout(config.dropout / 2),
        nn.Linear(x_NF.shape[1], config.hidden),
        nn.SiLU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, 1),
    )
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    for _ in range(config.steps):
        rows = torch.multinomial(weight_N, config.batch, replacement=True)
        optimiser.zero_grad()
        loss = binary_cross_entropy_with_logits(net(x_NF[rows]).squeeze(1), reward_N[rows])
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


def _stacked(nets: Sequence[nn.Sequential]) -> Mapping[str, Floats]:
    """Weights of the networks, one after another."""
    layers = [(cast(nn.Linear, net[1]), cast(nn.Linear, net[4])) for net in nets]
    arrays = {
        "first_NFH": [first.weight.detach().T for first, _ in layers],
        "bias_NH": [first.bias.detach() for first, _ in layers],
        "last_NH": [last.weight.detach()[0] for _, last in layers],
        "intercept_N": [last.bias.detach()[0] for _, last in layers],
    }
    return {
        name: torch.stack(found).contiguous().numpy() if found else np.zeros(0, np.float32)
        for name, found in arrays.items()
    }
