from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memstore.db.stores import Stores
from memstore.reads.rollout_ids import (
    ids_by_prefix,
    rollout_places,
    source_query_ids,
    whole_id,
)
from schema.errors import InputError
from schema.ids import query_id, rollout_id


@pytest.fixture
def filled(cli: Cli, tmp_path: Path, memory_name: str) -> str:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(20, 2)])
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    return memory_name


def test_ids_are_found_by_their_beginnings(stores: Stores, filled: str) -> None:
    ids = {
        rollout_id(filled, "r", r.source_query_id, r.step, r.place) for r in make_rollouts(20, 2)
    }
    with stores.vectors.transaction("reads.sql") as session:
        for digit in "0123456789abcdef":
            found = ids_by_prefix(session, filled, [digit, f"{digit}x"])
            assert found == {digit: sorted(i for i in ids if i[0] == digit), f"{digit}x": []}
        for id_ in ids:
            assert whole_id(session, filled, id_[:12]) == whole_id(session, filled, id_) == id_
        assert whole_id(session, filled, "a rollout") == "a rollout"
        with pytest.raises(InputError, match="has no rollout"):
            whole_id(session, filled, "0" * 8)


def test_places_and_owners_names(stores: Stores, filled: str) -> None:
    first = make_rollouts(1, 1)[0]
    id_ = rollout_id(filled, "r", first.source_query_id, first.step, first.place)
    place = rollout_places(stores, filled, [id_, "unknown"])[id_]
    assert (place.run, place.query_id) == ("r", first.source_query_id)
    assert (place.step, place.rollout) == (first.step, first.place)
    query = query_id(filled, first.query)
    assert source_query_ids(stores, filled, [query, "unknown"]) == {query: first.source_query_id}
