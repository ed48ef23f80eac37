import { randomBytes } from 'node:crypto'
import type { TestDatabase } from './postgres.ts'

const types = [
  ...['name', 'text', 'varchar', '"char"', 'oid', 'regclass', 'int2', 'int4', 'int8', 'bool'],
  ...['int2vector', 'text[]', 'int2[]', 'timestamptz', 'jsonb', 'uuid', 'public.mood'],
]
const comparisons = ['=', '<>', '<', '<=', '>', '>=']
const operators = [...comparisons, '||', '+', '-', '*', '/', '~', '!~', '@>', '&&', '#>', '->>']
/** Functions with one argument, with two, and without arguments. */
const functions = [
  ...['quote_ident', 'format_type', 'pg_get_expr', 'pg_get_indexdef', 'obj_description', 'count'],
  ...['to_regclass', 'to_regnamespace', 'has_schema_privilege', 'has_table_privilege', 'unnest'],
  ...['has_column_privilege', 'pg_has_role', 'starts_with', 'concat_ws', 'lpad', 'length', 'left'],
  ...['generate_series', 'to_jsonb', 'to_json', 'jsonb_array_elements', 'jsonb_typeof', 'now'],
  ...['array_remove', 'pg_relation_size', 'pg_advisory_xact_lock', 'min', 'max', 'row_number'],
  ...['current_setting', 'version', 'pg_backend_pid', 'set_config', 'strpos', 'array_dims'],
]

export interface HostileSchema {
  /** The query that called something of the schema last; null if none did. */
  caught(): Promise<string | null>
}

/**
 * Puts into `public` the objects that a user without rights could put there to be called instead of the
 * catalog's: operators and functions for the types themselves, where the catalog only has some that their
 * values can be converted to. A called object reports it in a file of the server's, which no rollback takes
 * back.
 */
export async function makeHostile(db: TestDatabase): Promise<HostileSchema> {
  const file = `/tmp/reactor-hostile-${randomBytes(8).toString('hex')}`
  await db.query(`CREATE TYPE public.mood AS ENUM ('sad', 'happy')`)
  await db.query(`DO $do$
    DECLARE
      types text[] := ARRAY[${types.map((type) => `'${type}'`).join(', ')}];
      one text; other text; symbol text; result text; called text;
      body text := $body$LANGUAGE plpgsql SET search_path = pg_catalog AS $f$ BEGIN
        EXECUTE format('COPY (SELECT %L) TO ''${file}''', replace(current_query(), E'\\n', ' ')); RETURN NULL; END $f$ $body$;
    BEGIN
      FOREACH one IN ARRAY types LOOP
        FOREACH called IN ARRAY ARRAY[${functions.map((name) => `'${name}'`).join(', ')}] LOOP
          EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS text %s', called, one, body);
        END LOOP;
        FOREACH other IN ARRAY types LOOP
          EXECUTE format('CREATE FUNCTION public.hostile_bool(%s, %s) RETURNS bool %s', one, other, body);
          EXECUTE format('CREATE FUNCTION public.hostile_text(%s, %s) RETURNS text %s', one, other, body);
          FOREACH symbol IN ARRAY ARRAY[${operators.map((name) => `'${name}'`).join(', ')}] LOOP
            result := CASE WHEN symbol IN ('||', '+', '-', '*', '/', '#>', '->>') THEN 'text' ELSE 'bool' END;
            EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.hostile_%s)', symbol, one, other, result);
          END LOOP;
        END LOOP;
      END LOOP;
    END $do$`)
  return {
    caught: async () => {
      const [row] = await db.query(`SELECT pg_catalog.pg_read_file($1, true) AS text`, [file])
      return typeof row?.text === 'string' ? row.text : null
    },
  }
}

/** A login with all rights and this search path; it goes with what `dispose` gives. */
export async function loginWithPath(
  db: TestDatabase,
  searchPath: string,
): Promise<AsyncDisposable & { readonly address: TestDatabase['address'] }> {
  const user = `path_${randomBytes(8).toString('hex')}`
  await db.query(`CREATE ROLE ${user} LOGIN SUPERUSER PASSWORD 'p'`)
  await db.query(`ALTER ROLE ${user} SET search_path = ${searchPath}`)
  return {
    address: { ...db.address, user, password: 'p' },
    [Symbol.asyncDispose]: async () => {
      await db.query(`REASSIGN OWNED BY ${user} TO ${db.address.user}`)
      await db.query(`DROP OWNED BY ${user}`)
      await db.query(`DROP ROLE ${user}`)
    },
  }
}
