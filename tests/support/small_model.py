"""A small model, trained in a second, that a memory of the real stores is given."""

import shutil
from dataclasses import asdict, replace

from support.store_fixtures import MemoryUnderTest

from gnn.base.reward_model import RewardModel
from gnn.checkpoints.saving import save_checkpoint
from gnn.confidence.abstention import AbstentionPolicy
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from memstore.changes.propagated_rewards import register_model
from memstore.reads.full_graph import read_graph
from memstore.servers.folders import checkpoint_folder
from memstore.settings import Settings


def small_model() -> RewardModel:
    return MemrewardModel(MemrewardConfig(parts=2, train=TrainConfig(max_epochs=3)))


def register(
    memory: MemoryUnderTest,
    home: Settings,
    model: RewardModel,
    seed: int = 0,
    *,
    never: bool = False,
) -> str:
    graph = read_graph(memory.stores, memory.name)
    report = model.fit(graph, seed=seed)
    part = checkpoint_folder(home, memory.name) / "part"
    policy = AbstentionPolicy.fit(graph, report)
    if never:  # Every query without a label is unlike anything labelled.
        policy = replace(policy, novelty=replace(policy.novelty, least_cosine=2.0))
    manifest = save_checkpoint(part, model, graph, report, seed=seed, policy=policy)
    shutil.rmtree(part.parent / manifest.version, ignore_errors=True)
    part.rename(part.parent / manifest.version)
    register_model(memory.stores, memory.name, manifest.version, asdict(manifest))
    return manifest.version
