import {
  createDatabase,
  endOfUse,
  metadataTemplate,
  onServer,
  openDatabase,
  type TestDatabase,
} from './postgres.ts'

/** Emptied ones that wait for the next test in this process. They go with the server. */
const spare: string[] = []

/**
 * As `testDatabase`, with the tables of the service in it. Disposing empties it for the next test: to copy
 * the hundreds of files of a database takes much longer. A test that changes the tables themselves takes
 * `testDatabase(metadataTemplate)`.
 */
export async function metadataDatabase(): Promise<TestDatabase> {
  const name = spare.pop() ?? (await createDatabase(metadataTemplate))
  const database = openDatabase(name, async () => {
    await onServer(database.address, ...endOfUse(name), endSessions, emptyTables)
    spare.push(name)
  })
  return database
}

const endSessions = `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

/** As the template is: no rows but those that migrations and the queue made, no schemas but its own. */
const emptyTables = `DO $$
DECLARE
  found text;
BEGIN
  -- No foreign keys and triggers in the meantime.
  PERFORM set_config('session_replication_role', 'replica', true);
  FOR found IN SELECT oid::regclass FROM pg_class
    WHERE relkind = 'r' AND relname NOT IN ('migrations', 'identity', 'version', 'queue')
      AND relnamespace::regnamespace::text IN ('reactor_connect_service', 'reactor_connect_jobs')
  LOOP
    EXECUTE 'DELETE FROM ' || found;
  END LOOP;
  FOR found IN SELECT quote_ident(nspname) FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN
      ('information_schema', 'reactor_connect_service', 'reactor_connect_jobs')
  LOOP
    EXECUTE 'DROP SCHEMA ' || found || ' CASCADE';
  END LOOP;
  CREATE SCHEMA public;
  GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$`
