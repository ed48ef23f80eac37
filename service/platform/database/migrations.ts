import { firstTables } from './first-tables.ts'

/**
 * In order; a migration's number is its place in the list. A released migration is never changed, only
 * followed by another.
 */
export const migrations: readonly { readonly name: string; readonly sql: string }[] = [
  { name: 'first-tables', sql: firstTables },
  /** Keys that were created before there were kinds could do everything, and still can. */
  {
    name: 'access',
    sql: `
ALTER TABLE reactor_connect_service.api_keys
  ADD COLUMN kind text NOT NULL DEFAULT 'admin'
    CHECK (kind IN ('admin', 'operator', 'viewer', 'agent')),
  ADD COLUMN scopes json,
  ADD COLUMN expires_at timestamptz;
ALTER TABLE reactor_connect_service.api_keys ALTER COLUMN kind DROP DEFAULT;
`,
  },
  /**
   * Connections start inactive; existing ones do not change. A sandbox outlives its connection until the
   * sweep has dropped its schema: so it stores its destination itself.
   */
  {
    name: 'sandboxes',
    sql: `
ALTER TABLE reactor_connect_service.connections
  DROP CONSTRAINT connections_status_check,
  ADD CONSTRAINT connections_status_check CHECK (status IN ('inactive', 'active', 'paused')),
  ALTER COLUMN status SET DEFAULT 'inactive',
  ADD COLUMN approved_catalog json; -- AirbyteCatalog of the connection's streams; NULL: none was approved yet

ALTER TABLE reactor_connect_service.runs
  DROP CONSTRAINT runs_trigger_check,
  ADD CONSTRAINT runs_trigger_check
    CHECK (trigger IN ('manual', 'schedule', 'retry', 'jobs', 'promote'));

CREATE TABLE reactor_connect_service.sandboxes (
  id text COLLATE "C" PRIMARY KEY,
  connection_id text COLLATE "C"
    REFERENCES reactor_connect_service.connections ON DELETE SET NULL,
  destination text NOT NULL,
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'ready', 'failed')),
  principal text NOT NULL,
  limit_rows integer NOT NULL,
  report json, -- without sample rows: those are customer data
  error json,
  binding json, -- what the promote token is bound to
  token_hash bytea, -- NULL: there is no token, or it was taken back
  promoted_run text COLLATE "C", -- the run that the token started; it is used
  beat_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  dropped_at timestamptz -- its schema at the destination is gone
);
CREATE UNIQUE INDEX sandboxes_one_running ON reactor_connect_service.sandboxes (connection_id)
  WHERE status = 'running';
CREATE INDEX sandboxes_by_connection ON reactor_connect_service.sandboxes (connection_id, id);
CREATE INDEX sandboxes_kept ON reactor_connect_service.sandboxes (expires_at)
  WHERE dropped_at IS NULL;
CREATE INDEX sandboxes_by_age ON reactor_connect_service.sandboxes (expires_at);
`,
  },
  /**
   * `email` in small letters. `password_hash` names its parameters. `token_version`: how often the user's
   * logins have been ended; a token of another number is no longer valid. `subject`: a keyed hash, since a
   * password may be typed in the place of the e-mail.
   */
  {
    name: 'identity',
    sql: `
CREATE TABLE reactor_connect_service.users (
  id text COLLATE "C" PRIMARY KEY,
  email text COLLATE "C" NOT NULL CONSTRAINT users_email UNIQUE,
  role text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer', 'agent')),
  password_hash text NOT NULL,
  token_version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_login_at timestamptz
);

CREATE TABLE reactor_connect_service.login_attempts (
  subject text COLLATE "C" PRIMARY KEY,
  attempts integer NOT NULL,
  window_ends_at timestamptz NOT NULL
);
CREATE INDEX login_attempts_by_age ON reactor_connect_service.login_attempts (window_ends_at);
`,
  },
  /**
   * `approved_catalog` is there already. `drift`: what the last run saw that is not approved (`SchemaDrift`),
   * `drift_catalog`: the streams as it saw them. `stream_schemas` has no reference to a connection: its
   * topics outlive it, and so do the schemas of their records.
   */
  {
    name: 'schema-drift',
    sql: `
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
`,
  },
  /**
   * No reference to a key, a connection or an instance: an entry outlives what it speaks of. Ids sort by
   * time.
   */
  {
    name: 'audit',
    sql: `
CREATE TABLE reactor_connect_service.audit_log (
  id text COLLATE "C" PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  principal_id text COLLATE "C",
  principal_kind text,
  principal_name text,
  via text,
  action text COLLATE "C" NOT NULL,
  resource text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  request text NOT NULL,
  request_id text NOT NULL,
  address text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('begun', 'done', 'failed', 'denied', 'replayed')),
  status integer,
  error text
);
CREATE INDEX audit_log_by_age ON reactor_connect_service.audit_log (at);
CREATE INDEX audit_log_by_principal ON reactor_connect_service.audit_log (principal_id, id);
CREATE INDEX audit_log_by_action ON reactor_connect_service.audit_log (action, id);
CREATE INDEX audit_log_by_resource ON reactor_connect_service.audit_log (resource, name, id);
CREATE INDEX audit_log_by_outcome ON reactor_connect_service.audit_log (outcome, id);
`,
  },
  /**
   * A stream of a run is its namespace and its name, and an empty namespace is not an absent one: absent was
   * '' until now, and is null from here on, as in every other table. No connector has given an empty
   * namespace yet.
   */
  {
    name: 'stream-identity',
    sql: `
ALTER TABLE reactor_connect_service.run_streams
  DROP CONSTRAINT run_streams_pkey,
  ALTER COLUMN namespace DROP NOT NULL;
UPDATE reactor_connect_service.run_streams SET namespace = NULL WHERE namespace = '';
ALTER TABLE reactor_connect_service.run_streams
  ADD CONSTRAINT run_streams_stream UNIQUE NULLS NOT DISTINCT (run_id, namespace, name);
`,
  },
  /** `read` counts a record once; reads of records that an interruption had lost are apart. */
  {
    name: 'read-again',
    sql: `
ALTER TABLE reactor_connect_service.run_streams
  ADD COLUMN read_again bigint NOT NULL DEFAULT 0;
`,
  },
  /** A sandbox that a promotion has found outdated says which newer one stands in its place. */
  {
    name: 'replaced-sandboxes',
    sql: `
ALTER TABLE reactor_connect_service.sandboxes
  ADD COLUMN replaced_by text COLLATE "C";
`,
  },
  /**
   * The schedules that were sent to an external Jobs service, and its jobs that have been acted on.
   * `schedules_at_jobs` has no reference to a connection: its row stays until Jobs has deleted the schedule
   * of a connection that is gone.
   */
  {
    name: 'schedules-at-jobs',
    sql: `
CREATE TABLE reactor_connect_service.schedules_at_jobs (
  place text COLLATE "C" NOT NULL, -- address of the Jobs service
  connection_id text COLLATE "C" NOT NULL,
  sent json, -- NULL: it is not known what Jobs has
  tried_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (place, connection_id)
);

CREATE TABLE reactor_connect_service.schedule_jobs (
  connection_id text COLLATE "C" NOT NULL
    CONSTRAINT schedule_jobs_connection
      REFERENCES reactor_connect_service.connections ON DELETE CASCADE,
  job text COLLATE "C" NOT NULL,
  run_id text COLLATE "C" NOT NULL UNIQUE, -- the run that it started, or would have started
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (connection_id, job)
);
CREATE INDEX schedule_jobs_by_age ON reactor_connect_service.schedule_jobs (seen_at);
`,
  },
  /**
   * `write_check` is written to and rolled back, to see whether the database takes writes and has room for
   * them. It is unlogged: what is written there costs no write-ahead log.
   */
  {
    name: 'runs-by-end',
    sql: `
CREATE INDEX runs_by_end ON reactor_connect_service.runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE UNLOGGED TABLE reactor_connect_service.write_check (filler text);
ALTER TABLE reactor_connect_service.write_check ALTER COLUMN filler SET STORAGE PLAIN;
`,
  },
  /** An entry with `counted_under` stands for all attempts with that key. */
  {
    name: 'audit-details',
    sql: `
ALTER TABLE reactor_connect_service.audit_log
  ADD COLUMN details jsonb,
  ADD COLUMN counted_under text COLLATE "C" UNIQUE;
`,
  },
  /** How many values of a stream did not arrive as they came; before, the warnings alone said so. */
  {
    name: 'lost-values',
    sql: `
ALTER TABLE reactor_connect_service.run_streams
  ADD COLUMN nulled bigint NOT NULL DEFAULT 0,
  ADD COLUMN cut bigint NOT NULL DEFAULT 0;
`,
  },
  /** The warnings of a run as a whole; before, its log alone had them. */
  {
    name: 'run-warnings',
    sql: `
ALTER TABLE reactor_connect_service.runs ADD COLUMN warnings json NOT NULL DEFAULT '[]';
`,
  },
  /**
   * The changes that a run made to the columns of a stream's table. Before this migration, only the run's log
   * had them.
   */
  {
    name: 'table-changes',
    sql: `
ALTER TABLE reactor_connect_service.run_streams ADD COLUMN table_changes json NOT NULL DEFAULT '[]';
`,
  },
  {
    name: 'connection-description',
    sql: `
ALTER TABLE reactor_connect_service.connections ADD COLUMN description text;
`,
  },
  /** `attempt`: 2 and more if the process that had the key before died while it carried out the request. */
  {
    name: 'actions',
    sql: `
CREATE TABLE reactor_connect_service.used_dry_run_tokens (
  nonce text COLLATE "C" PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX used_dry_run_tokens_by_expiry ON reactor_connect_service.used_dry_run_tokens (expires_at);

ALTER TABLE reactor_connect_service.idempotency_keys ADD COLUMN attempt integer NOT NULL DEFAULT 1;
`,
  },
  /**
   * `first_ticket`: of the first attempt; the others of the same request have it too, and the vendor knows
   * the call by it. `used_for`: a call with an idempotency key may use its token again. `unknown`: nobody
   * knows whether it happened.
   */
  {
    name: 'repeated-calls',
    sql: `
ALTER TABLE reactor_connect_service.idempotency_keys ADD COLUMN first_ticket text COLLATE "C";
ALTER TABLE reactor_connect_service.used_dry_run_tokens ADD COLUMN used_for text COLLATE "C";
ALTER TABLE reactor_connect_service.audit_log
  DROP CONSTRAINT audit_log_outcome_check,
  ADD CONSTRAINT audit_log_outcome_check
    CHECK (outcome IN ('begun', 'done', 'failed', 'denied', 'replayed', 'unknown'));
`,
  },
  /**
   * `webhook_dispatches`: one row for an event and a target. Those with the same receiver, target and order
   * key are taken one after the other, by `seq`. `webhook_targets`: the circuit breakers of targets that
   * failed last. `probe`: the dispatch that tries whether an interrupted one works again.
   */
  {
    name: 'webhooks',
    sql: `
ALTER TABLE reactor_connect_service.runs
  DROP CONSTRAINT runs_trigger_check,
  ADD CONSTRAINT runs_trigger_check
    CHECK (trigger IN ('manual', 'schedule', 'retry', 'jobs', 'promote', 'webhook'));

CREATE TABLE reactor_connect_service.identity (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  id text NOT NULL
);
INSERT INTO reactor_connect_service.identity (id)
  VALUES (left(replace(gen_random_uuid()::text, '-', ''), 16));

CREATE TABLE reactor_connect_service.receivers (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL CONSTRAINT receivers_name UNIQUE,
  instance_id text COLLATE "C"
    CONSTRAINT receivers_instance REFERENCES reactor_connect_service.instances,
  webhook text,
  rules json,
  dispatch json NOT NULL,
  description text,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
  token_hash bytea NOT NULL CONSTRAINT receivers_token UNIQUE,
  previous_tokens json NOT NULL DEFAULT '[]',
  has_secret boolean NOT NULL DEFAULT false,
  secret_version integer NOT NULL DEFAULT 0,
  previous_secret_until timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX receivers_by_instance ON reactor_connect_service.receivers (instance_id, name);

CREATE TABLE reactor_connect_service.webhook_deliveries (
  id text COLLATE "C" PRIMARY KEY,
  receiver_id text COLLATE "C" NOT NULL
    CONSTRAINT webhook_deliveries_receiver REFERENCES reactor_connect_service.receivers ON DELETE CASCADE,
  event_id text COLLATE "C" NOT NULL,
  event_type text,
  kind text NOT NULL CHECK (kind IN ('event', 'test', 'handshake', 'suspicious')),
  received_at timestamptz NOT NULL,
  headers json NOT NULL,
  body bytea NOT NULL,
  body_hash bytea NOT NULL
);
CREATE UNIQUE INDEX webhook_deliveries_once
  ON reactor_connect_service.webhook_deliveries (receiver_id, event_id) WHERE kind <> 'suspicious';
CREATE UNIQUE INDEX webhook_deliveries_suspicious_once
  ON reactor_connect_service.webhook_deliveries (receiver_id, event_id, body_hash)
  WHERE kind = 'suspicious';
CREATE INDEX webhook_deliveries_by_receiver
  ON reactor_connect_service.webhook_deliveries (receiver_id, id);
CREATE INDEX webhook_deliveries_by_age ON reactor_connect_service.webhook_deliveries (received_at);

CREATE TABLE reactor_connect_service.webhook_dispatches (
  seq bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  delivery_id text COLLATE "C" NOT NULL
    REFERENCES reactor_connect_service.webhook_deliveries ON DELETE CASCADE,
  receiver_id text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL,
  order_key text COLLATE "C",
  status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'done', 'dead', 'discarded')),
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL DEFAULT now(),
  owner text,
  ended_at timestamptz,
  error json
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX webhook_dispatches_of_delivery
  ON reactor_connect_service.webhook_dispatches (delivery_id, target);
-- Of running ones, due_at is the end of the lease; of those that wait for another one of their order key it is infinity.
CREATE INDEX webhook_dispatches_due
  ON reactor_connect_service.webhook_dispatches (receiver_id, target, due_at, seq)
  WHERE status IN ('pending', 'running');
CREATE INDEX webhook_dispatches_in_order
  ON reactor_connect_service.webhook_dispatches (receiver_id, target, order_key, seq)
  WHERE status IN ('pending', 'running') AND order_key IS NOT NULL;
CREATE INDEX webhook_dispatches_running_in_order
  ON reactor_connect_service.webhook_dispatches (receiver_id, target, order_key)
  WHERE status = 'running' AND order_key IS NOT NULL;
CREATE INDEX webhook_dispatches_by_status
  ON reactor_connect_service.webhook_dispatches (receiver_id, status, delivery_id);
CREATE INDEX webhook_dispatches_dead
  ON reactor_connect_service.webhook_dispatches (delivery_id) WHERE status = 'dead';

CREATE TABLE reactor_connect_service.webhook_targets (
  target text COLLATE "C" PRIMARY KEY,
  failures integer NOT NULL,
  open_until timestamptz,
  probe bigint,
  error json,
  updated_at timestamptz NOT NULL DEFAULT now()
);
`,
  },
  /**
   * When schedulers last looked for due times. `missed_before`: earlier due times passed while none looked.
   * `skipped`: how many were left out because of that.
   */
  {
    name: 'schedule-watch',
    sql: `
CREATE TABLE reactor_connect_service.schedule_watch (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  looked_at timestamptz NOT NULL DEFAULT now(),
  missed_before timestamptz NOT NULL,
  skipped bigint NOT NULL DEFAULT 0
);
ALTER TABLE reactor_connect_service.connections ADD COLUMN last_skipped_at timestamptz(3);
`,
  },
  /**
   * `account`: keyed hash of the vendor's account that the first attempt was for; NULL: not known, so no
   * other attempt is sent.
   */
  {
    name: 'idempotency-account',
    sql: `
ALTER TABLE reactor_connect_service.idempotency_keys ADD COLUMN account text COLLATE "C";
`,
  },
  /**
   * Queries of `url:` targets are in the vault from now on. SQL cannot write there: each start moves those
   * that it finds (`moveTargetAddresses`), by this index, which has no entries after that.
   */
  {
    name: 'plain-targets',
    sql: `
CREATE INDEX webhook_dispatches_plain
  ON reactor_connect_service.webhook_dispatches (receiver_id, target)
  WHERE target LIKE 'url:%?%' AND target NOT LIKE '%#vault-%';
DELETE FROM reactor_connect_service.webhook_targets WHERE target LIKE 'url:%?%';
`,
  },
]
