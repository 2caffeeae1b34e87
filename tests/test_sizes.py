"""Files of at most 300 lines and functions of at most 40; what is longer is named with a reason.

A function is measured from its `def` to its last line, signature and docstring included.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("schema", "migrations", "memstore", "gnn", "trainer", "memreward")
LONGEST_FILE = 300
LONGEST_FUNCTION = 40

_COMMAND = "a command: its signature declares every option, with help"
_ARGUMENTS = "half of it is the signature and what its arguments mean"
_LIST = "half of it is one list of settings, without a branch"
#: Longer files, and why.
FILES = {
    "schema/tables.py": "one declaration a table, of every column",
    "trainer/code_judge/test_run.py": "runs alone in a confined process, with the fewest imports",
}
#: Longer functions, and why.
FUNCTIONS = {
    "gnn/checkpoints/saving.py save_checkpoint": _ARGUMENTS,
    "gnn/confidence/abstention.py predict": _ARGUMENTS,
    "gnn/evaluation/protocol.py evaluate": _ARGUMENTS,
    "gnn/evidence/own_labels.py own_labels": "one line a feature",
    "gnn/evidence/reliability.py fit": "one sum after another, without a branch",
    "gnn/features/code.py code_features": "one line a feature",
    "gnn/jobs/online_scorer.py __init__": _ARGUMENTS,
    "gnn/jobs/train_and_propagate.py propagate_memory": _ARGUMENTS,
    "gnn/jobs/train_and_propagate.py train_memory": _ARGUMENTS,
    "gnn/models/memreward/training.py train_member": _ARGUMENTS,
    "memreward/bench/cli.py reward": _COMMAND,
    "memreward/bench/knn.py _row": "the searches are timed one after another, on one memory",
    "memreward/cli/collect.py collect": _COMMAND,
    "memreward/cli/evaluate.py evaluate": _COMMAND,
    "memreward/cli/grpo.py compare": _COMMAND,
    "memreward/cli/grpo.py grpo": _COMMAND,
    "memreward/cli/ingest.py ingest": _COMMAND,
    "memreward/cli/serve.py serve": _COMMAND,
    "memreward/cli/train.py train": _COMMAND,
    "memreward/jobs/follow.py follow_files": _ARGUMENTS,
    "memreward/cluster/ray_memory.py __init__": _ARGUMENTS,
    "memreward/cli/teach.py teach": _COMMAND,
    "memreward/jobs/prior.py evidence_graph": "one line a field of the graph",
    "memreward/runs/grpo.py _train": _LIST,
    "memreward/runs/offline.py run_offline": _ARGUMENTS,
    "memstore/archive/restore.py import_memory": _ARGUMENTS,
    "memreward/memory.py open": _ARGUMENTS,
    "memstore/changes/dataset_ingestion.py ingest_dataset": _ARGUMENTS,
    "memstore/changes/reembedding.py reembed": _ARGUMENTS,
    "memstore/formats/preflight.py survey_rollouts": _ARGUMENTS,
    "memstore/outbox/accept.py accept_to_several": _ARGUMENTS,
    "memstore/outbox/locks.py lock_memories": _ARGUMENTS,
    "memstore/reads/full_graph.py _read_graph": "one line a field of the graph",
    "memstore/snapshot/subgraph.py _graph": "one line a field of the graph",
    "memstore/snapshot/unstored.py with_rollouts": _ARGUMENTS,
    "trainer/code_judge/wire.py decode": "the mirror of `encode`, one branch a kind of value",
    "trainer/label_budget.py choose_labelled_queries": _ARGUMENTS,
    "trainer/policy/decoding.py decode": _ARGUMENTS,
    "trainer/policy/sampling.py sample": _ARGUMENTS,
    "trainer/policy/signals.py signals_of": _ARGUMENTS,
    "trainer/rewards/from_memory.py memory_reward": _ARGUMENTS,
    "trainer/rewards/trl_rows.py rows_of": _ARGUMENTS,
    "trainer/runs/accuracy.py measure_accuracy": "one loop, and the refusal of too many failures",
    "trainer/runs/grpo.py make_trainer": _LIST,
    "trainer/runs/grpo.py train": _ARGUMENTS,
    "trainer/runs/offline.py train_offline": _ARGUMENTS,
}


def _modules() -> Iterator[tuple[str, str]]:
    """Path and text of every module."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def _long_functions() -> set[str]:
    return {
        f"{path} {node.name}"
        for path, text in _modules()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    }


def test_files() -> None:
    long = {path for path, text in _modules() if len(text.splitlines()) > LONGEST_FILE}
    assert long - FILES.keys() == set(), "divide them along a concept"
    assert FILES.keys() - long == set(), "no longer so long: remove them from FILES"


def test_functions() -> None:
    long = _long_functions()
    assert long - FUNCTIONS.keys() == set(), "divide them, or name them with a reason"
    assert FUNCTIONS.keys() - long == set(), "no longer so long: remove them from FUNCTIONS"
