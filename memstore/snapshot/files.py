"""A snapshot on disk: a folder of columns, and a manifest that says how much of them counts.

`current.json` names the folder of the base and is replaced in one rename, so that a reader sees
one whole state. Nothing is forced to the disk's surface: what a power cut spoils is found by its
checksum when the machine has started again, and the snapshot is rebuilt, since it is a copy of what
the databases hold.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from memstore import write_atomically
from memstore.snapshot.columns import Extent, NumberColumn
from memstore.snapshot.id_index import ID_BYTES
from memstore.snapshot.pages import PagedNumbers, TextColumn
from schema import tables
from schema.errors import StoreError
from schema.graph import ANSWER, CONCLUSION, POLICY, QUERY, SIMILAR, SOURCE, STORED_EDGES, THINKING
from schema.ids import digest
from schema.rollout import POLICY_SIGNALS
from schema.tables import NUMBERS, ColumnType, Table

CURRENT: Final = "current.json"
#: Node types; a rollout's row is that of its thinking and its answer.
ROLLOUT: Final = ANSWER
NODES: Final[tuple[str, ...]] = (QUERY, ROLLOUT, CONCLUSION, POLICY, SOURCE)
#: Those whose id is a name; the files hold its digest.
NAMED: Final = frozenset((POLICY, SOURCE))
#: The snapshot's node type of each of the graph's.
NODE_OF: Final[Mapping[str, str]] = {
    QUERY: QUERY,
    THINKING: ROLLOUT,
    ANSWER: ROLLOUT,
    CONCLUSION: CONCLUSION,
    POLICY: POLICY,
}
#: Edge types as stored: name to the node types where they start and end.
EDGES: Final[Mapping[str, tuple[str, str]]] = {
    name: (NODE_OF[spec.ends[0]], NODE_OF[spec.ends[1]]) for name, spec in STORED_EDGES.items()
}
#: Where the nodes of each type come from.
TABLES: Final[dict[str, Table]] = {
    QUERY: tables.QUERY,
    ROLLOUT: tables.ROLLOUT,
    CONCLUSION: tables.CONCLUSION,
    POLICY: tables.POLICY,
    SOURCE: tables.SOURCE,
}


def _columns(kind: ColumnType) -> tuple[str, ...]:
    """Columns of that type, such as `query.text`."""
    return tuple(
        f"{node}.{column.snapshot}"
        for node, table in TABLES.items()
        for column in table.in_snapshot
        if column.type is kind and column.snapshot != NUMBERS
    )


def _numbers() -> dict[str, slice]:
    """Where the numbers of a rollout are in `answer.numbers`, by column of Postgres."""
    found: dict[str, slice] = {}
    stop = 0
    for column in tables.ROLLOUT.in_snapshot:
        if column.snapshot == NUMBERS:
            width = len(POLICY_SIGNALS) if column.type is ColumnType.FLOATS else 1
            found[column.name] = slice(stop, stop + width)
            stop += width
    return found


TEXTS: Final = _columns(ColumnType.TEXT)
VECTORS: Final = _columns(ColumnType.VECTOR)
INTEGERS: Final = _columns(ColumnType.INTEGER)
NUMBERS_OF_ROLLOUT: Final = _numbers()
N_NUMBERS: Final = max(place.stop for place in NUMBERS_OF_ROLLOUT.values())
#: Layout of the files: a version, to be raised when their meaning changes, and what the declared
#: nodes, columns and edges come to. A snapshot of another layout is replaced.
_LAYOUT: Final = (NODES, TEXTS, VECTORS, INTEGERS, NUMBERS_OF_ROLLOUT, EDGES)
FORMAT: Final = f"4-{digest(*map(repr, _LAYOUT))[:8]}"


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What made the policy embeddings that the snapshot holds."""

    policy: str
    layer: str
    dimension: int


@dataclass(kw_only=True)
class SnapshotManifest:
    """What a snapshot is a snapshot of, and where its files are."""

    format: str = FORMAT
    memory: str
    incarnation: str
    encoder: str
    dimension: int
    #: Folder of the files, next to the manifest.
    base: str
    #: Last batch that it holds.
    seq: int = 0
    #: Generation of its similarity edges, and their files: a link brings others.
    generation: int = 0
    similar: str = "similar-0"
    #: Files of the edges by node; a longer snapshot gets others.
    csr: str = "csr-0"
    stamp: Stamp | None = None
    #: How many policy embeddings carry each stamp: [policy, layer, dimension, count].
    stamps: list[tuple[str, str, int, int]]
    #: Names of what is kept of the texts of forgotten rollouts.
    kept_names: list[str]
    #: The start of the machine in which the files' marks were made; None: they say nothing.
    start: str | None = None
    #: What Neo4j was like when it had the same edges; see `GraphStore.mark`.
    agreed: str | None = None
    #: Of a memory that is divided: the last batch of each shard that it holds; `seq` is their sum.
    shards: list[int] = field(default_factory=list[int])
    #: Of such a memory: edges were left out, since the neighbour was not there.
    lacks_edges: bool = False

    @property
    def edge_files(self) -> dict[str, str]:
        """Name of the files of each edge type."""
        return {name: self.similar if name == SIMILAR[1] else name for name in EDGES}


class Files:
    """All columns of a snapshot by name, such as `query.embedding` or `similar.ends`."""

    def __init__(self, home: Path, manifest: SnapshotManifest, extents: dict[str, Extent]) -> None:
        """Columns of `home / manifest.base` as far as `extents` says."""
        self.home, self.manifest = home, manifest
        self.folder = home / manifest.base
        self.numbers: dict[str, NumberColumn | PagedNumbers] = {}
        for name, dtype, width, file in self._layout():
            extent = extents.get(file, Extent())
            self.numbers[name] = NumberColumn(self.folder / file, dtype, width, extent)
        for name, width in self._wide():
            self.numbers[name] = PagedNumbers(self.folder / name, "<f4", width, extents)
        self.texts = {name: TextColumn(self.folder / name, extents) for name in TEXTS}

    def _layout(self) -> Iterator[tuple[str, str, int | None, str]]:
        """Name, type, width and file of the columns by which nodes and edges are found."""
        m = self.manifest
        for node in NODES:
            yield f"{node}.id", "|u1", ID_BYTES, f"{node}.id"
            yield f"{node}.seq", "<i8", None, f"{node}.seq"
        for name in INTEGERS:
            yield name, "<i8", None, name
        for edge, file in m.edge_files.items():
            yield f"{edge}.ends", "<i8", 2, f"{file}.ends"
            yield f"{edge}.seq", "<i8", None, f"{file}.seq"
            for way in ("out", "in"):
                for part in ("starts", "edges"):
                    yield f"{edge}.{way}.{part}", "<i8", None, f"{file}.{m.csr}.{way}.{part}"
        yield "similar.score", "<f4", None, f"{m.similar}.score"
        for part, dtype in (
            ("rollout", "<i8"),
            ("value", "<f4"),
            ("source", "<i8"),
            ("seq", "<i8"),
        ):
            yield f"verified.{part}", dtype, None, f"verified.{part}"
        for part, dtype in (("rollout", "<i8"), ("value", "<f4"), ("source", "<i8")):
            yield f"said.{part}", dtype, None, f"said.{part}"

    def _wide(self) -> Iterator[tuple[str, int]]:
        """Name and width of the columns of which only rows that are asked for are read."""
        m = self.manifest
        for name in VECTORS:
            yield name, m.dimension
        yield f"{ROLLOUT}.policy_embedding", 0 if m.stamp is None else m.stamp.dimension
        yield f"{ROLLOUT}.kept_features", len(m.kept_names)
        yield f"{ROLLOUT}.{NUMBERS}", N_NUMBERS

    @property
    def columns(self) -> Iterator[NumberColumn | PagedNumbers | TextColumn]:
        """All columns."""
        yield from self.numbers.values()
        yield from self.texts.values()

    @property
    def extents(self) -> dict[str, Extent]:
        """Extents by file name."""
        return {name: one for column in self.columns for name, one in column.extents.items()}

    def check(self, *, every_page: bool = False) -> bool:
        """Compare files that may have changed with their checksums: wide ones where they are read.

        Args:
            every_page: all of them now.

        Returns:
            Whether marks were made anew; they count once they are saved.

        Raises:
            StoreError: if one is damaged.
        """
        start, before = machine_start(), self.extents
        marked = start is not None and start == self.manifest.start
        for column in self.columns:
            column.check(marked=marked)
            if every_page:
                column.check_all()
        self.manifest.start = start
        return not marked or self.extents != before

    def adopt(self, other: "Files") -> None:
        """See what another process has written to the same files."""
        self.manifest = other.manifest
        extents = other.extents
        for column in self.columns:
            column.adopt(extents)

    def drop_edges(self, edge: str) -> None:
        """No edge of that type counts any more."""
        for name, column in self.numbers.items():
            kind, _, part = name.partition(".")
            counts = kind == edge and part in ("ends", "seq", "score")
            if counts and isinstance(column, NumberColumn):
                column.clear()

    def same_files(self, other: "Files") -> bool:
        """Whether both are of one base, one generation of edges and one CSR."""
        mine, its = self.manifest, other.manifest
        return (mine.base, mine.similar, mine.csr) == (its.base, its.similar, its.csr)

    def save(self) -> None:
        """Make this the current state, for all processes."""
        text = json.dumps(
            {
                **asdict(self.manifest),
                "extents": {name: asdict(extent) for name, extent in self.extents.items()},
            }
        )
        write_atomically(self.home / CURRENT, text)


def load_files(home: Path) -> Files | None:
    """The current state; None if there is none, or it is of another layout.

    Raises:
        StoreError: if the manifest is damaged.
    """
    path = home / CURRENT
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            return None
        extents = {name: _extent(value) for name, value in fields.pop("extents").items()}
        stamp = fields.pop("stamp")
        manifest = SnapshotManifest(**fields, stamp=None if stamp is None else Stamp(**stamp))
        manifest.stamps = [(p, layer, d, n) for p, layer, d, n in manifest.stamps]
        return Files(home, manifest, extents)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{path} is damaged ({error})") from error


def _extent(fields: dict[str, Any]) -> Extent:
    mark = fields.pop("mark", None)
    return Extent(**fields, mark=None if mark is None else tuple(mark))


def machine_start() -> str | None:
    """Which start of this machine is running; None where its system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def drop_other_bases(home: Path, base: str) -> None:
    """Remove the folders of earlier bases; a process that still maps their files keeps them."""
    for path in home.iterdir():
        if path.is_dir() and path.name.startswith("base-") and path.name != base:
            shutil.rmtree(path, ignore_errors=True)
