"""More databases for memories in shards."""

from collections.abc import Iterator

import pytest
from support.divided import another_postgres

from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.servers.migration import migrate


@pytest.fixture(scope="module")
def others(servers: Addresses) -> Iterator[list[Stores]]:
    """Two more Postgres, which share the session's Neo4j: names of shards are unique in it."""
    with another_postgres(servers) as one, another_postgres(servers) as two:
        for addresses in (one, two):
            migrate(addresses)
        with open_stores(one) as second, open_stores(two) as third:
            yield [second, third]
