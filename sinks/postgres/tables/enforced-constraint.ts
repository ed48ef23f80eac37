/**
 * Whether the server checks a row of pg_constraint at all: NOT ENFORCED came with 18, and a foreign key acts by triggers of the table `$1`
 * that can be disabled.
 */
export const isEnforced = `coalesce((to_jsonb(pg_constraint) ->> 'conenforced')::boolean, true)
         AND NOT EXISTS (SELECT FROM pg_trigger t
               WHERE t.tgconstraint = pg_constraint.oid AND t.tgrelid = $1::regclass AND t.tgenabled NOT IN ('O', 'A'))`
