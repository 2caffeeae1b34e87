"""Shapley values: who brought how much, so that the parts add up to the whole.

Source: Shapley, A Value for n-Person Games (1953); for players in groups, the two-step
value of Kamijo, A Two-Step Shapley Value for Cooperative Games with Coalition Structures (2009).
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from schema.memory_graph import Bools

Worths = NDArray[np.float64]

#: Players up to which every coalition is asked.
EXACT_UP_TO: Final = 12
#: Orders in which more players are added, half of them the reverse of the other half.
ORDERS: Final = 64


class Game(Protocol):
    """What coalitions are worth."""

    def __call__(self, coalition_SN: Bools, /) -> Worths:
        """Worths of coalitions in K currencies, [S, K]; a row says which of the N players join."""
        ...


def shapley_values(game: Game, n_players: int) -> Worths:
    """The Shapley value of each player, [N, K].

    They add up to the worth of all less the worth of none. Up to EXACT_UP_TO players they are
    exact; with more they are means over the same ORDERS orders each time, which add up as well.
    """
    if n_players == 0:
        none = game(np.zeros((1, 0), dtype=np.bool_))
        return np.zeros((0, none.shape[1]))
    if n_players <= EXACT_UP_TO:
        return _over_coalitions(game, n_players)
    return _over_orders(game, n_players)


def shares_within(game: Game, n_players: int, total_K: Worths) -> Worths:
    """Kamijo's second step: how the players of one group divide what the group received, [N, K].

    Each gets its Shapley value in the group's own game, and all the same part of the rest.

    Args:
        game: worths of the group's parts, with everybody outside the group present.
        n_players: of the group, at least one.
        total_K: what the group received.
    """
    own_NK = shapley_values(game, n_players)
    return own_NK + (total_K - own_NK.sum(axis=0)) / n_players


def _over_coalitions(game: Game, n: int) -> Worths:
    codes = np.arange(2**n)
    coalition_SN = (codes[:, None] >> np.arange(n)) & 1 > 0
    worth_SK = game(coalition_SN)
    size_S = coalition_SN.sum(axis=1)
    factorial = np.cumprod([1.0, *range(1, n + 1)])
    value_NK = np.zeros((n, worth_SK.shape[1]))
    for player in range(n):
        without = codes[~coalition_SN[:, player]]
        weight = factorial[size_S[without]] * factorial[n - 1 - size_S[without]] / factorial[n]
        value_NK[player] = weight @ (worth_SK[without | (1 << player)] - worth_SK[without])
    return value_NK


def _over_orders(game: Game, n: int) -> Worths:
    rng = np.random.default_rng(0)
    half = [rng.permutation(n) for _ in range(ORDERS // 2)]
    orders = [*half, *(order[::-1] for order in half)]
    coalition_OSN = np.zeros((ORDERS, n + 1, n), dtype=np.bool_)
    for coalition_SN, order in zip(coalition_OSN, orders, strict=True):
        for place, player in enumerate(order):
            coalition_SN[place + 1 :, player] = True
    worth_SK = game(coalition_OSN.reshape(-1, n))
    gained_ONK = np.diff(worth_SK.reshape(ORDERS, n + 1, -1), axis=1)
    value_NK: Worths | float = 0.0
    for order, gained_NK in zip(orders, gained_ONK, strict=True):
        value_NK = value_NK + gained_NK[np.argsort(order)] / ORDERS
    return np.asarray(value_NK)
