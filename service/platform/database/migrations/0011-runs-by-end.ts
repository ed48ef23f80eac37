/**
 * `write_check` is written to and rolled back, to see whether the database takes writes and has room for them. It is unlogged:
 * what is written there costs no write-ahead log.
 */
export const runsByEnd = `
CREATE INDEX runs_by_end ON reactor_connect_service.runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE UNLOGGED TABLE reactor_connect_service.write_check (filler text);
ALTER TABLE reactor_connect_service.write_check ALTER COLUMN filler SET STORAGE PLAIN;
`
