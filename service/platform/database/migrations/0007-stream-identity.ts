/**
 * A stream of a run is its namespace and its name, and an empty namespace is not an absent one: absent was '' until now, and is null
 * from here on, as in every other table. No connector has given an empty namespace yet.
 */
export const streamIdentity = `
ALTER TABLE reactor_connect_service.run_streams
  DROP CONSTRAINT run_streams_pkey,
  ALTER COLUMN namespace DROP NOT NULL;
UPDATE reactor_connect_service.run_streams SET namespace = NULL WHERE namespace = '';
ALTER TABLE reactor_connect_service.run_streams
  ADD CONSTRAINT run_streams_stream UNIQUE NULLS NOT DISTINCT (run_id, namespace, name);
`
