import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import type { ColumnTypes, SinkStream } from '../../sink.ts'
import { findLostKey, settingsOf, usesStates } from '../../continuation.ts'
import { findOtherColumns } from '../../numbered-columns.ts'
import { isTableOf } from '../sync/begin-sync.ts'
import { findTypes } from '../sync/choose-types.ts'
import { requireOpenSchema, schemaExists } from '../tables/schemas.ts'
import { requireSlices } from '../bookkeeping/damaged-bookkeeping.ts'
import { readSlices } from '../bookkeeping/read-checkpoints.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { findKeyChange } from '../sync/key-change.ts'
import { type ProductionColumn, readColumns } from './production-columns.ts'
import {
  findRepeatedAppend,
  findReplacingMode,
  findSharedTable,
  warnOfKnownStream,
} from '../sync/known-stream.ts'
import { warnOfLostRows } from '../sync/loaded-table.ts'
import { warnOfLooseKeys } from '../tables/usable-key.ts'
import { hasIndex, keyIndexName } from '../tables/key-index.ts'
import { tableAndPartitions } from '../tables/row-account.ts'
import { rightMissing } from '../missing-right.ts'
import { planTable, type TablePlan } from '../sync/plan-table.ts'
import type { DestinationSession } from '../session.ts'
import {
  otherOwners,
  ownerOf,
  readStreamRow,
  type StreamRow,
  type TableOwner,
} from '../bookkeeping/stream-rows.ts'
import { streamTarget, type StreamTarget } from '../tables/stream-target.ts'
import { hasRows } from '../tables/table-columns.ts'

export interface DependentView {
  readonly schema: string
  readonly name: string
  readonly columns: readonly string[]
}

/** A stream's table and checkpoints in production, before a run. */
export interface Production {
  readonly sink: SinkStream
  readonly target: StreamTarget
  /** The stream's row in the bookkeeping; undefined before its first sync. */
  readonly row: StreamRow | undefined
  readonly plan: TablePlan
  /** Those that the table has, or is to get. */
  readonly types: ColumnTypes | undefined
  /** See TypedStream. */
  readonly enumColumns: ReadonlySet<string>
  /** Empty if there is no table. */
  readonly columns: readonly ProductionColumn[]
  readonly views: readonly DependentView[]
  /** A dedup mode has its index, so that no key is there twice. */
  readonly hasKeyIndex: boolean
  /** Why a run would fail before it reads. */
  readonly refusal: ConnectError | undefined
  readonly warnings: readonly string[]
}

/**
 * Only reads. Throws if the stream's configuration cannot work, or its place is not a table. `earlier`:
 * streams of the table that begin before it.
 */
export async function readProduction(
  session: DestinationSession,
  sink: SinkStream,
  {
    schema,
    earlier,
  }: { readonly schema: string | undefined; readonly earlier: readonly SinkStream[] },
): Promise<Production> {
  const untyped = streamTarget(sink, schema)
  requireOpenSchema(sink, untyped, session.bookkeepingSchema)
  const row = await rowOf(session, sink, untyped)
  const typed = await findTypes(session, sink, { target: untyped, row })
  const { target, enumColumns, place } = typed
  const known = await ownersOf(session, target, sink.connection)
  const owners = [
    ...known,
    ...earlier.map((other) => ({
      connection: other.connection,
      stream: streamLabel(other.stream.stream),
      settings: settingsOf(other),
      isForgotten: false,
      letGo: `leave one of the two out of the streams of ${other.connection}`,
    })),
  ]
  const isOurs = owners.length > 0 || isTableOf(row, target)
  const plan = await session.transaction(() =>
    planTable({ session, sink, target, row, isOurs, place }),
  )
  const isThere = plan.actual !== undefined
  const key = target.key ?? []
  const hasKeyIndex =
    isThere && (await hasIndex(session, target.table, keyIndexName(target.table, key)))
  const { types } = typed.sink
  const found = { sink, target, row, plan, types, enumColumns, hasKeyIndex }
  const again = await appendsAgain(session, { ...found, owners })
  return {
    ...found,
    columns: isThere ? await readColumns(session, target.table) : [],
    views: isThere ? await readViews(session, target.table) : [],
    refusal:
      findSharedTable(sink, target, owners) ?? (await refusalOf(session, found)) ?? again.refusal,
    warnings: [
      ...warnOfKnownStream(row, sink, target),
      ...typed.warnings,
      ...(isThere ? await lostRows(session, found) : []),
      ...again.warnings,
      ...(await warnOfLooseKeys(session, target)),
      ...(isThere ? await ownRules(session, target.table) : []),
      ...(await leftStage(session, found)),
    ],
  }
}

async function lostRows(
  session: DestinationSession,
  { sink, target, row }: Pick<Production, 'sink' | 'target' | 'row'>,
): Promise<readonly string[]> {
  if (row === undefined || !isTableOf(row, target) || !usesStates(row, sink)) return []
  return warnOfLostRows(session, { id: row.id, sink, target })
}

async function appendsAgain(
  session: DestinationSession,
  {
    sink,
    target,
    row,
    plan,
    owners,
  }: Pick<Production, 'sink' | 'target' | 'row' | 'plan'> & {
    readonly owners: readonly TableOwner[]
  },
): Promise<Pick<Production, 'refusal' | 'warnings'>> {
  const isOfTable = plan.actual !== undefined && isTableOf(row, target)
  const goesOn = isOfTable && row !== undefined && usesStates(row, sink)
  const found = await findRepeatedAppend(session, sink, { target, row, owners, goesOn })
  if (found instanceof ConnectError) return { refusal: found, warnings: [] }
  return { refusal: undefined, warnings: found }
}

/** Why a run would refuse the stream, no matter what else loads its table. */
async function refusalOf(
  session: DestinationSession,
  found: Pick<Production, 'sink' | 'target' | 'row' | 'plan' | 'hasKeyIndex'>,
): Promise<ConnectError | undefined> {
  const { sink, target, row, plan } = found
  const merged = plan.actual !== undefined && isTableOf(row, target) ? row : undefined
  return (
    findLostKey(row, sink) ??
    findOtherColumns(row, sink) ??
    (await findReplacingMode(session, sink, { row, target })) ??
    (await findKeyChange(session, sink, { target, row: merged })) ??
    plan.refusal ??
    missingRight(session, found)
  )
}

async function rowOf(
  session: DestinationSession,
  sink: SinkStream,
  target: StreamTarget,
): Promise<StreamRow | undefined> {
  if (!(await schemaExists(session, session.bookkeepingSchema))) return undefined
  const { streamId } = target
  const row = await readStreamRow(session, sink.connection, { streamId, lock: 'unlocked' })
  if (row === undefined || !isTableOf(row, target) || !usesStates(row, sink)) return row
  // A sandbox's sync begins with a copy of the slices, and would report a damage under another name.
  const owner = ownerOf(sink, row)
  await requireSlices(session, owner, row.planned)
  await readSlices(session, owner)
  return row
}

async function ownersOf(
  session: DestinationSession,
  target: StreamTarget,
  connection: string,
): ReturnType<typeof otherOwners> {
  if (!(await schemaExists(session, session.bookkeepingSchema))) return []
  return otherOwners(session, target, connection)
}

/**
 * Reads the dependent views with their columns. Views that read the whole table (`count(*)`) have no columns.
 */
async function readViews(session: DestinationSession, table: TableName): Promise<DependentView[]> {
  return session.rows(
    `SELECT n.nspname AS schema, v.relname AS name,
            coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL), '{}') AS columns
       FROM (SELECT DISTINCT objid, refobjid, refobjsubid FROM pg_depend
              WHERE classid = 'pg_rewrite'::regclass AND refclassid = 'pg_class'::regclass
                AND refobjid = $1::regclass) d
       JOIN pg_rewrite r ON r.oid = d.objid
       JOIN pg_class v ON v.oid = r.ev_class
       JOIN pg_namespace n ON n.oid = v.relnamespace
       LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
      WHERE v.oid <> d.refobjid AND v.relkind IN ('v', 'm')
      GROUP BY n.nspname, v.relname ORDER BY n.nspname, v.relname`,
    [quoteTable(table)],
  )
}

/**
 * A right that the run's statements will need. The right to create a schema was shown by the sandbox's own.
 */
async function missingRight(
  session: DestinationSession,
  known: Pick<Production, 'target' | 'plan' | 'hasKeyIndex'>,
): Promise<ConnectError | undefined> {
  const { target, plan } = known
  const makesTable = plan.actual === undefined || target.isOverwrite
  const [right] = await session.rows<{ create: boolean; owner: boolean; load: boolean }>(
    `SELECT coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1), true) AS create,
            coalesce((SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass($2)), true) AS owner,
            coalesce((SELECT has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                         AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
                        FROM pg_class WHERE oid = to_regclass($2)), true) AS load`,
    [target.table.schema, quoteTable(target.table)],
  )
  const schema = quoteIdentifier(target.table.schema)
  const table = quoteTable(target.table)
  const role = quoteIdentifier(session.address.user)
  if (makesTable && right?.create === false) {
    const fix = `Run \`GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}\` as its owner.`
    return rightMissing(session.address, `it may not create tables in schema ${schema}`, fix)
  }
  if (right?.owner === false && isAltered(known)) {
    const fix = `Run \`ALTER TABLE ${table} OWNER TO ${role}\`.`
    return rightMissing(session.address, `it does not own ${table}, which is to be altered`, fix)
  }
  if (right?.load === false) {
    const fix = `Run \`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${role}\` as its owner.`
    return rightMissing(session.address, `it may not change the rows of ${table}`, fix)
  }
  return undefined
}

function isAltered({
  target,
  plan,
  hasKeyIndex,
}: Pick<Production, 'target' | 'plan' | 'hasKeyIndex'>): boolean {
  return plan.changes.length > 0 || (target.key !== undefined && !hasKeyIndex)
}

/**
 * Rules that others made on the table, and did not disable, act on a run but not on a sandbox. The table's
 * constraints are tried: see try-rules.ts.
 */
async function ownRules(session: DestinationSession, table: TableName): Promise<string[]> {
  const rows = await session.rows<{ rule: string }>(
    `SELECT 'policy ' || polname AS rule FROM pg_policy WHERE polrelid = to_regclass($1) AND row_security_active(polrelid)
     UNION ALL SELECT 'rule ' || rulename FROM pg_rewrite WHERE ev_class = to_regclass($1) AND ev_enabled IN ('O', 'A')
     UNION ALL SELECT 'trigger ' || tgname || CASE WHEN tgrelid = to_regclass($1) THEN '' ELSE ' of partition ' || tgrelid::regclass END
       FROM pg_trigger
      WHERE tgrelid IN ${tableAndPartitions} AND tgparentid = 0 AND NOT tgisinternal AND tgenabled IN ('O', 'A')
     ORDER BY rule LIMIT 20`,
    [quoteTable(table)],
  )
  if (rows.length === 0) return []
  const rules = rows.map(({ rule }) => rule).join(', ')
  return [`The table has rules of its own, which a sandbox does not apply and a run does: ${rules}`]
}

/**
 * The next run of a stream that is no longer overwritten begins by merging what an unfinished overwrite left.
 */
async function leftStage(
  session: DestinationSession,
  { target, row }: Pick<Production, 'target' | 'row'>,
): Promise<string[]> {
  const isLeft = row?.staged === true && !target.isOverwrite && isTableOf(row, target)
  if (!isLeft || !(await hasTable(session, target.stage))) return []
  if (!(await hasRows(session, target.stage))) return []
  return [
    'An overwrite that did not end left rows in its stage. The next run merges them first; they are not in these figures',
  ]
}

async function hasTable(session: DestinationSession, name: TableName): Promise<boolean> {
  const [row] = await session.rows<{ exists: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS exists',
    [quoteTable(name)],
  )
  return row?.exists === true
}
