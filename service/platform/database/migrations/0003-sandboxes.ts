/**
 * Connections begin inactive; those that were there before stay as they are. A sandbox outlives its connection until the
 * sweep has dropped its schema: so it keeps its destination itself.
 */
export const sandboxes = `
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
`
