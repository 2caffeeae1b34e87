// name: create_record
// One node for each applied migration.
CREATE CONSTRAINT migration_version IF NOT EXISTS FOR (n:Migration) REQUIRE n.version IS UNIQUE;

// name: applied
// What was applied, in order.
MATCH (n:Migration) RETURN n.version AS version, n.name AS name, n.checksum AS checksum
ORDER BY version;

// name: record
// Write one down once all of its statements have run.
MERGE (n:Migration {version: $version})
ON CREATE SET n.name = $name, n.checksum = $checksum, n.applied_at = datetime();
