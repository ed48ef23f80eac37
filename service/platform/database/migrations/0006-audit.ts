/** No reference to a key, a connection or an instance: an entry outlives what it speaks of. Ids sort by time. */
export const audit = `
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
`
