/**
 * `approved_catalog` is there already. `drift`: what the last run saw that is not approved (`SchemaDrift`), `drift_catalog`: the streams as it saw them.
 * `stream_schemas` has no reference to a connection: its topics outlive it, and so do the schemas of their records.
 */
export const schemaDrift = `
ALTER TABLE reactor_connect_service.connections
  ADD COLUMN drift json,
  ADD COLUMN drift_catalog json;

ALTER TABLE reactor_connect_service.runs ADD COLUMN schema_changes json;

CREATE TABLE reactor_connect_service.record_schemas (
  fingerprint text COLLATE "C" PRIMARY KEY, -- of one record
  block_fingerprint text COLLATE "C" NOT NULL, -- of an array of records
  schema json NOT NULL -- of one record
);
CREATE INDEX record_schemas_by_block_fingerprint
  ON reactor_connect_service.record_schemas (block_fingerprint);

CREATE TABLE reactor_connect_service.stream_schemas (
  id text COLLATE "C" PRIMARY KEY,
  connection text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  namespace text COLLATE "C", -- null where the stream has none
  version integer NOT NULL,
  columns_digest text COLLATE "C" NOT NULL, -- SHA-256: cheaper to make than a fingerprint
  fingerprint text COLLATE "C" NOT NULL REFERENCES reactor_connect_service.record_schemas,
  run_id text COLLATE "C" NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (connection, name, namespace, version),
  UNIQUE NULLS NOT DISTINCT (connection, name, namespace, columns_digest)
);
CREATE INDEX stream_schemas_by_fingerprint
  ON reactor_connect_service.stream_schemas (fingerprint, id);
CREATE INDEX stream_schemas_by_connection
  ON reactor_connect_service.stream_schemas (connection, id);
`
