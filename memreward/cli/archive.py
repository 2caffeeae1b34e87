"""`memreward export | import | reembed | rekey`: a memory moved, or its contents made again."""

from pathlib import Path
from typing import Annotated

import typer

from memreward.base import (
    bars,
    connected,
    connected_pairs,
    connected_to,
    connected_whole,
    console,
)
from memreward.cli.ingest import MemoryOption
from memstore import Settings, load_settings
from memstore.archive import ArchiveManifest, export_memory, import_memory, read_manifest
from memstore.changes import reembed as reembed_memory
from memstore.changes import rekey as rekey_memory
from memstore.db import Stores
from memstore.encoders import DEFAULT_ENCODER, text_encoder
from memstore.reads import list_memories
from memstore.servers import checkpoint_folder, checkpoints_folder
from memstore.shards import (
    Shards,
    pair_for,
    places_of,
    reembed_shards,
    repair_edges,
    shards_without_rollouts,
    take_place,
)
from schema.errors import InputError, UnknownMemoryError
from schema.ids import shard_place, whole_name


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Name; default: the only one there is.")
    ] = None,
) -> None:
    """Write a memory into Parquet files, its history and checkpoints included."""
    settings = load_settings()
    with connected_to(memory, settings) as stores, bars() as progress:
        name = memory or _only_memory(stores)
        manifest = export_memory(
            stores,
            name,
            folder,
            checkpoints=checkpoint_folder(settings, name),
            progress=progress.adding("export "),
        )
    console.print(
        f"memory {name} up to batch {manifest.seq}: {manifest.tables['rollouts'].rows} rollouts, "
        f"{len(manifest.checkpoints)} checkpoint files in {folder}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def import_(
    folder: Annotated[Path, typer.Argument(help="What `memreward export` wrote.")],
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Its new name; default: as it was.")
    ] = None,
    lost_pair: Annotated[
        bool,
        typer.Option("--lost-pair", help="Of a shard: the pair that held it is gone for good."),
    ] = False,
) -> None:
    """Read an exported memory back, under its own or another name, which must be free.

    A shard takes its place in the memory that is divided.
    """
    settings = load_settings()
    name = memory or read_manifest(folder).memory
    if whole_name(name) != name:
        import_shard(settings, folder, name, is_renamed=memory is not None, pair_is_lost=lost_pair)
        return
    if lost_pair:
        raise InputError(f"{name!r} is no shard: leave --lost-pair out")
    with connected(settings) as stores, bars() as progress:
        manifest = import_memory(
            stores,
            folder,
            name=memory,
            checkpoints=checkpoints_folder(settings),
            progress=progress.adding("import "),
        )
    _show_imported(manifest)


def import_shard(
    settings: Settings, folder: Path, name: str, *, is_renamed: bool, pair_is_lost: bool
) -> None:
    """Read a shard into the pair that it belongs to."""
    with connected_pairs(settings) as pairs:
        with bars() as progress:
            manifest = import_memory(
                pair_for(pairs, name, pair_is_lost=pair_is_lost),
                folder,
                name=name if is_renamed else None,
                checkpoints=checkpoints_folder(settings),
                progress=progress.adding("import "),
                settled=lambda incarnation: take_place(pairs, name, incarnation),
            )
        repair_edges(Shards.over(whole_name(name), shard_place(name)[1], pairs))
        missing = shards_without_rollouts(pairs, whole_name(name))
    _show_imported(manifest)
    if missing:
        said = f"{', '.join(missing)}: nothing is there; import their archives, if they have any"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"`memreward link --memory {whole_name(name)}` gives the queries of all shards the "
        "neighbours that they had",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _show_imported(manifest: ArchiveManifest) -> None:
    console.print(
        f"memory {manifest.memory}: {manifest.tables['rollouts'].rows} rollouts, "
        f"up to batch {manifest.seq}",
        markup=False,
        highlight=False,
    )


def reembed(
    memory: MemoryOption,
    encoder: Annotated[
        str,
        typer.Option(help=f"{DEFAULT_ENCODER}, or the folder of a sentence-transformers model."),
    ],
) -> None:
    """Embed all texts of a memory with another encoder, then link it again."""
    chosen = text_encoder(encoder)
    path = None if encoder == DEFAULT_ENCODER else Path(encoder).expanduser().resolve()
    with connected_whole(memory) as (stores, shards), bars() as progress:
        if shards is not None:
            made = reembed_shards(shards, chosen, path, progress)
        else:
            made = reembed_memory(stores, memory, chosen, path=path, progress=progress)
    console.print(
        f"memory {memory} has embeddings of {chosen.name}: {made} texts embedded",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def rekey(memory: MemoryOption) -> None:
    """Make a memory's conclusion keys again by the rules of this version; a killed run resumes."""
    with connected_pairs() as pairs, bars() as progress:
        places = places_of(pairs, memory)
        done = [rekey_memory(stores, name, progress=progress) for stores, name in places]
    if not done:
        raise UnknownMemoryError(f"there is no memory {memory!r}: nothing was stored")
    read, changed = sum(one.read for one in done), sum(one.changed for one in done)
    console.print(
        f"memory {memory} has conclusion keys of version {done[0].version}: {read} answers read, "
        f"{changed} of the memory's answers come to another conclusion",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _only_memory(stores: Stores) -> str:
    names = list_memories(stores)
    if len(names) != 1:
        raise InputError(f"there are {len(names)} memories: say which with --memory")
    return names[0]
