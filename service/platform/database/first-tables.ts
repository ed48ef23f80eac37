/**
 * Names are compared byte by byte (collation C): lists have one order on every server, and an index serves
 * it. `json` and not `jsonb` if a document is stored as it came: the order of a schema's properties is that
 * of the columns.
 */
export const firstTables = `
CREATE TABLE reactor_connect_service.instances (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL CONSTRAINT instances_name UNIQUE,
  type text COLLATE "C" NOT NULL,
  config json NOT NULL,
  secrets json NOT NULL,
  credentials text NOT NULL CHECK (credentials IN ('ready', 'missing', 'reauthorize')),
  version integer NOT NULL DEFAULT 1,
  config_version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX instances_by_type ON reactor_connect_service.instances (type, name);

CREATE TABLE reactor_connect_service.discoveries (
  instance_id text COLLATE "C" PRIMARY KEY
    REFERENCES reactor_connect_service.instances ON DELETE CASCADE,
  config_version integer NOT NULL,
  catalog json NOT NULL,
  discovered_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX discoveries_by_age ON reactor_connect_service.discoveries (discovered_at);

CREATE TABLE reactor_connect_service.connections (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL CONSTRAINT connections_name UNIQUE,
  instance_id text COLLATE "C" NOT NULL
    CONSTRAINT connections_instance REFERENCES reactor_connect_service.instances,
  streams json,
  destination text NOT NULL,
  schedule json,
  options json NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
  next_run_at timestamptz(3), -- as exact as JavaScript has it: it is compared
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX connections_by_status ON reactor_connect_service.connections (status, name);
CREATE INDEX connections_by_instance ON reactor_connect_service.connections (instance_id, name);
CREATE INDEX connections_by_instance_and_status
  ON reactor_connect_service.connections (instance_id, status, name);
CREATE INDEX connections_due ON reactor_connect_service.connections (next_run_at)
  WHERE status = 'active';

CREATE TABLE reactor_connect_service.runs (
  id text COLLATE "C" PRIMARY KEY,
  connection_id text COLLATE "C" NOT NULL
    CONSTRAINT runs_connection REFERENCES reactor_connect_service.connections ON DELETE CASCADE,
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'running', 'complete', 'partial', 'failed', 'cancelled')),
  trigger text NOT NULL CHECK (trigger IN ('manual', 'schedule', 'retry', 'jobs')),
  retry_of text COLLATE "C",
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  ended_at timestamptz,
  read bigint NOT NULL DEFAULT 0,
  loaded bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  error json,
  attempts integer NOT NULL DEFAULT 0,
  fruitless_attempts integer NOT NULL DEFAULT 0,
  loaded_at_claim bigint NOT NULL DEFAULT 0,
  owner text,
  due_at timestamptz NOT NULL DEFAULT now(),
  beat_at timestamptz,
  cancel_requested boolean NOT NULL DEFAULT false,
  log_seq bigint NOT NULL DEFAULT 0,
  log_pruned boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70); -- beats change no indexed column: there is room for them in the page
CREATE UNIQUE INDEX runs_one_active ON reactor_connect_service.runs (connection_id)
  WHERE status IN ('queued', 'running');
CREATE INDEX runs_by_connection ON reactor_connect_service.runs (connection_id, id);
CREATE INDEX runs_by_status ON reactor_connect_service.runs (connection_id, status, id);
CREATE INDEX runs_active ON reactor_connect_service.runs (id)
  WHERE status IN ('queued', 'running');
CREATE INDEX runs_with_log ON reactor_connect_service.runs (ended_at)
  WHERE ended_at IS NOT NULL AND NOT log_pruned;

CREATE TABLE reactor_connect_service.run_streams (
  run_id text COLLATE "C" NOT NULL
    REFERENCES reactor_connect_service.runs ON DELETE CASCADE,
  name text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL, -- '' where the stream has none
  place bigint GENERATED ALWAYS AS IDENTITY,
  status text NOT NULL,
  read bigint NOT NULL,
  read_bytes bigint NOT NULL,
  loaded bigint NOT NULL,
  rejected bigint NOT NULL,
  bottleneck text,
  error json,
  warnings json NOT NULL,
  PRIMARY KEY (run_id, name, namespace)
);

CREATE TABLE reactor_connect_service.run_log (
  run_id text COLLATE "C" NOT NULL
    REFERENCES reactor_connect_service.runs ON DELETE CASCADE,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  level text NOT NULL,
  message text NOT NULL,
  fields json NOT NULL,
  PRIMARY KEY (run_id, seq)
);

CREATE TABLE reactor_connect_service.api_keys (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  secret_hash bytea NOT NULL,
  is_first boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
CREATE UNIQUE INDEX api_keys_one_first ON reactor_connect_service.api_keys (is_first)
  WHERE is_first;

CREATE TABLE reactor_connect_service.oauth_states (
  state_hash text COLLATE "C" PRIMARY KEY,
  instance_id text COLLATE "C" NOT NULL
    REFERENCES reactor_connect_service.instances ON DELETE CASCADE,
  redirect_uri text NOT NULL,
  sealed text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_states_by_instance
  ON reactor_connect_service.oauth_states (instance_id, created_at);
CREATE INDEX oauth_states_by_age ON reactor_connect_service.oauth_states (expires_at);

CREATE TABLE reactor_connect_service.idempotency_keys (
  principal text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  request_hash text COLLATE "C" NOT NULL,
  ticket text COLLATE "C" NOT NULL UNIQUE,
  locked_until timestamptz NOT NULL,
  answer json,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_by_age ON reactor_connect_service.idempotency_keys (created_at);
`
