"""`memreward bench`: time and memory, compared with rivals in the same process."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from memreward.base import STDOUT, JsonFileOption, bars, console_beside, started, write_figures
from memstore import load_settings
from memstore.servers import SAMPLE
from schema.errors import InputError

if TYPE_CHECKING:
    from memreward.bench.report import PlotLine

RolloutsOption = Annotated[
    Path, typer.Option(help="Real rollouts with embeddings, of which larger memories are mixed.")
]
PlotOption = Annotated[Path | None, typer.Option("--plot", help="File for a picture.")]
#: By benchmark: figures, and the headings of their columns.
HEADINGS: Final[dict[str, dict[str, str]]] = {
    "reward": {
        "memory_queries": "queries",
        "p50_s": "p50 s",
        "p95_s": "p95 s",
        "p50_cpu_s": "p50 CPU s",
        "published_s": "published s",
        "ratio": "published / ours",
        "published_cpu_s": "published CPU s",
        "embed_s": "embedding s",
        "publish_s": "until in Neo4j s",
        "catch_up_s": "catch-up s",
        "rebuild_s": "rebuild s",
        "rebuild_ratio": "rebuild / catch-up",
        "subgraph_queries": "subgraph queries",
        "subgraph_rollouts": "rollouts",
        "subgraph_edges": "edges",
        "rss_mib": "RSS MiB",
    },
    "ingest": {"writer": "writer", "rollouts_per_s": "rollouts/s"},
    "sample": {
        "way": "way",
        "edges_per_s": "edges/s",
        "batch_s": "batch s",
        "nodes": "subgraph nodes",
        "edges": "edges",
    },
    "knn": {
        "queries": "queries",
        "held_s": "embeddings held, s",
        "hnsw_s": "HNSW s",
        "hnsw_over_held": "HNSW / held",
        "exact_s": "Postgres, exact s",
        "exact_over_held": "exact / held",
        "flat_s": "bare product s",
        "flat_over_held": "product / held",
        "recall": "recall@7",
        "build_s": "build s",
        "insert_s": "64 inserts s",
    },
    "train": {
        "model": "model",
        "seconds": "seconds",
        "epochs": "epochs",
        "labelled_rollouts": "labelled rollouts",
        "validation_auc": "validation AUROC",
    },
    "encode": {"encoder": "encoder", "seconds": "seconds"},
}


def reward(
    memory: Annotated[
        str, typer.Option(help="Queries in memory, in rising order.")
    ] = "1000,8000,10000,50000",
    repeats: Annotated[int, typer.Option(help="Steps timed at each size.")] = 9,
    queries: Annotated[int, typer.Option(help="New queries a step, 8 rollouts each.")] = 64,
    rollouts: RolloutsOption = SAMPLE,
    json_file: JsonFileOption = None,
    plot: PlotOption = None,
) -> None:
    """Score the rollouts of an RL step against memories of several sizes.

    The rival is the published way, which rebuilds the whole graph and passes over all of it; it is
    measured up to 8,000 queries.
    """
    from memreward.bench.report import check_outputs, draw_curves, print_table
    from memreward.bench.reward import RewardRequest, bench_reward

    check_outputs(json_file, plot)
    console = console_beside(json_file)
    request = RewardRequest(
        sizes=_sizes(memory), rollouts=rollouts, repeats=repeats, queries_a_step=queries
    )
    settings = load_settings()
    with started(settings) as stores, bars() as progress:
        kept = None if json_file == STDOUT else json_file
        result = bench_reward(
            stores, settings, request, progress, lambda found: write_figures(kept, found)
        )
    rows: list[dict[str, Any]] = result["rows"]
    for row in rows:
        published = row["published_s"]
        row["ratio"] = None if published is None else published / row["p50_s"]
        row["rebuild_ratio"] = row["rebuild_s"] / row["catch_up_s"]
    print_table(console, rows, HEADINGS["reward"])
    if result["flatness"] is not None:
        console.print(
            f"flatness: p50 at {rows[-1]['memory_queries']:,} over p50 at "
            f"{rows[-2]['memory_queries']:,} queries: {result['flatness']:.2f} "
            f"(processor time: {result['cpu_flatness']:.2f})"
        )
    write_figures(json_file, result)
    lines = {"memreward, p50": "p50_s", "published way": "published_s", "rebuild": "rebuild_s"}
    curves = _curves(rows, "memory_queries", lines)
    draw_curves(plot, curves, "queries in memory", "seconds a step")


def ingest(
    queries: Annotated[int, typer.Option(help="Queries written, 8 rollouts each.")] = 2560,
    rollouts: RolloutsOption = SAMPLE,
    json_file: JsonFileOption = None,
    plot: PlotOption = None,
) -> None:
    """Write rollouts with embeddings and rewards, in turn with the bare drivers.

    The rival writes the same rows, nodes and edges, and checks, locks and looks up nothing.
    """
    from memreward.bench.ingest import IngestBenchRequest, bench_ingest
    from memreward.bench.report import check_outputs, draw_bars, print_table

    check_outputs(json_file, plot)
    console = console_beside(json_file)
    request = IngestBenchRequest(queries=queries, rollouts=rollouts)
    settings = load_settings()
    with started(settings) as stores, bars() as progress:
        result = bench_ingest(stores, settings, request, progress)
    print_table(console, result["rows"], HEADINGS["ingest"])
    stages = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in result["stages"].items())
    console.print(
        f"of the bare drivers' rate: {result['ratio']:.2f}; a batch, one step at a time: {stages}"
    )
    write_figures(json_file, result)
    rates = {row["writer"]: row["rollouts_per_s"] for row in result["rows"]}
    draw_bars(plot, rates, "rollouts a second")


def sample(
    queries: Annotated[int, typer.Option(help="Queries in memory, 8 rollouts each.")] = 2000,
    repeats: Annotated[int, typer.Option(help="Mini-batches timed.")] = 5,
    seeds: Annotated[int, typer.Option(help="Answers a mini-batch.")] = 512,
    rollouts: RolloutsOption = SAMPLE,
    json_file: JsonFileOption = None,
    plot: PlotOption = None,
) -> None:
    """Sample four steps around random answers; the rival asks Neo4j in Cypher."""
    from memreward.bench.report import check_outputs, draw_bars, print_table
    from memreward.bench.sample import SampleRequest, bench_sample

    check_outputs(json_file, plot)
    console = console_beside(json_file)
    request = SampleRequest(queries=queries, rollouts=rollouts, seeds=seeds, repeats=repeats)
    settings = load_settings()
    with started(settings) as stores, bars() as progress:
        result = bench_sample(stores, settings, request, progress)
    print_table(console, result["rows"], HEADINGS["sample"])
    console.print(f"edges a second over Cypher's: {result['ratio']:.0f}")
    write_figures(json_file, result)
    draw_bars(plot, {row["way"]: row["edges_per_s"] for row in result["rows"]}, "edges a second")


def knn(
    queries: Annotated[str, typer.Option(help="Queries in memory.")] = "1000,5000,10000,50000",
    repeats: Annotated[int, typer.Option(help="Searches timed each way.")] = 5,
    rollouts: RolloutsOption = SAMPLE,
    json_file: JsonFileOption = None,
    plot: PlotOption = None,
) -> None:
    """Find the 7 nearest of 64 queries: HNSW, exact pgvector, a flat product."""
    from memreward.bench.knn import KnnRequest, bench_knn
    from memreward.bench.report import check_outputs, draw_curves, print_table

    check_outputs(json_file, plot)
    console = console_beside(json_file)
    request = KnnRequest(sizes=_sizes(queries), rollouts=rollouts, repeats=repeats)
    settings = load_settings()
    with started(settings) as stores, bars() as progress:
        result = bench_knn(stores, settings, request, progress)
    rows: list[dict[str, Any]] = result["rows"]
    print_table(console, rows, HEADINGS["knn"])
    write_figures(json_file, result)
    lines = {
        "embeddings held": "held_s",
        "HNSW": "hnsw_s",
        "pgvector, exact": "exact_s",
        "bare matrix product": "flat_s",
    }
    draw_curves(plot, _curves(rows, "queries", lines), "queries in memory", "seconds, 64 searches")


def train(
    queries: Annotated[int, typer.Option(help="Queries in memory, a fifth labelled.")] = 1000,
    rollouts: RolloutsOption = SAMPLE,
    json_file: JsonFileOption = None,
    plot: PlotOption = None,
) -> None:
    """Train the default model and the published one on the same memory."""
    from memreward.bench.report import check_outputs, draw_bars, print_table
    from memreward.bench.train import TrainRequest, bench_train

    check_outputs(json_file, plot)
    console = console_beside(json_file)
    settings = load_settings()
    request = TrainRequest(queries=queries, rollouts=rollouts)
    with started(settings) as stores, bars() as progress:
        result = bench_train(stores, settings, request, progress)
    print_table(console, result["rows"], HEADINGS["train"])
    console.print(f"the published model's time over ours: {result['ratio']:.2f}")
    write_figures(json_file, result)
    draw_bars(plot, {row["model"]: row["seconds"] for row in result["rows"]}, "seconds")


def encode(
    count: Annotated[int, typer.Option(help="Rollouts whose texts are embedded.")] = 200,
    repeats: Annotated[int, typer.Option(help="Times of each, in turns.")] = 3,
    rollouts: RolloutsOption = SAMPLE,
    json_file: JsonFileOption = None,
    plot: PlotOption = None,
) -> None:
    """Embed the texts of rollouts; the rival is plain sentence-transformers."""
    from memreward.bench.encode import bench_encode
    from memreward.bench.report import check_outputs, draw_bars, print_table

    check_outputs(json_file, plot)
    console = console_beside(json_file)
    found = bench_encode(rollouts, n_rollouts=count, repeats=repeats)
    rows = [
        {"encoder": "memreward", "seconds": found.ours_s},
        {"encoder": "sentence-transformers", "seconds": found.theirs_s},
    ]
    print_table(console, rows, HEADINGS["encode"])
    console.print(
        f"sentence-transformers' time over ours: {found.ratio:.2f} ({found.distinct} of the "
        f"{found.texts} texts differ); recall@7 {found.recall:.4f}, of new vectors among theirs "
        f"{found.mixed_recall:.4f}"
    )
    write_figures(json_file, {**asdict(found), "ratio": found.ratio})
    draw_bars(plot, {str(row["encoder"]): float(row["seconds"]) for row in rows}, "seconds")


def _curves(rows: list[dict[str, Any]], x: str, lines: dict[str, str]) -> "list[PlotLine]":
    from memreward.bench.report import PlotLine

    sizes = [row[x] for row in rows]
    return [
        PlotLine(label=label, x=sizes, y=[row[key] for row in rows]) for label, key in lines.items()
    ]


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",")]
    except ValueError as error:
        raise InputError(f"{text}: give whole numbers, such as 1000,8000") from error
