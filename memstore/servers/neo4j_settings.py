"""The configuration of memreward's own Neo4j: safe to leave running, small, and on loopback."""

from pathlib import Path
from typing import Final

from memstore.servers.home import LOOPBACK
from memstore.servers.host_memory import memory_bytes, share_of_memory

#: Folders within Neo4j's own.
IMPORT, LOGS = "import", "logs"
#: What makes it safe to leave running; docker-compose.yml says the same.
SECURITY_SETTINGS: Final = {
    "dbms.security.auth_enabled": "true",
    "dbms.security.allow_csv_import_from_file_urls": "false",
    "internal.dbms.cypher_ip_blocklist": "0.0.0.0/0,::/0",
    "dbms.usage_report.enabled": "false",
    "client.allow_telemetry": "false",
    "server.bolt.telemetry.enabled": "false",
    "server.http.enabled": "false",
    "server.https.enabled": "false",
}
#: What keeps it small and quick to stop; docker-compose.yml says the same.
SIZE_SETTINGS: Final = {
    "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
    "internal.server.bolt.thread_pool_shutdown_wait_time": "1s",
    "db.tx_log.preallocate": "false",
    "db.tx_log.rotation.retention_policy": "1 days 512M",
}


def neo4j_conf(folder: Path, port: int) -> str:
    """Text of neo4j.conf for the Neo4j of `folder`, to fit the machine as it is now."""
    settings = {
        **SECURITY_SETTINGS,
        **SIZE_SETTINGS,
        **memory_settings(memory_bytes()),
        "server.default_listen_address": LOOPBACK,
        "server.bolt.enabled": "true",
        "server.bolt.listen_address": f"{LOOPBACK}:{port}",
        "server.bolt.advertised_address": f"{LOOPBACK}:{port}",
        "server.directories.import": str(folder / IMPORT),
        "server.directories.logs": str(folder / LOGS),
        "server.config.strict_validation.enabled": "true",
    }
    lines = ["# Written by memreward at each start; changes are lost."]
    lines += [f"{name}={_escaped(value)}" for name, value in settings.items()]
    return "\n".join(lines) + "\n"


def memory_settings(total: int) -> dict[str, str]:
    """Heap and page cache for a machine of `total` bytes, modest since training runs on it too.

    The page cache is to hold the indexes and what neighbours are tied with (docs/performance.md).
    """
    heap = share_of_memory(total, part=16, least=512, most=2048)
    page_cache = share_of_memory(total, part=16, least=128, most=4096)
    return {
        "server.memory.heap.initial_size": f"{heap}m",
        "server.memory.heap.max_size": f"{heap}m",
        "server.memory.pagecache.size": f"{page_cache}m",
    }


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
