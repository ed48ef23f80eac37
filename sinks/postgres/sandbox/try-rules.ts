import { sqlstates } from '../../../postgres/sqlstate.ts'
import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { constraintFacts } from '../constraint-advice.ts'
import { quoteIdentifier as quote } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { keyIndexName } from '../tables/key-index.ts'
import { isSame, operatorSchema } from '../merge/operators.ts'
import type { DestinationSession } from '../session.ts'
import { metadataColumns } from '../tables/table-columns.ts'
import {
  type Broken,
  countedRows,
  countMatching,
  isFilledUnseen,
  type Trial,
  written,
} from './trial.ts'
import type { SandboxTable } from './prepare-sandbox.ts'
import {
  type IncomingKey,
  meets,
  readIncomingKeys,
  readRules,
  type ReferenceRule,
  ruleValuesOf,
  type TableRule,
  type UniqueRule,
} from './read-rules.ts'
import { tryIndexes, tryPartitions } from './try-partitions.ts'

/** The results of the table's own rules for the rows that a sandbox loaded. */
export interface RulesTried {
  /** The first rule that a run would break for certain: it would fail as this says. */
  readonly refusal: ConnectError | undefined
  /** The changes that a run makes to rows of other tables. */
  readonly dependentRows: readonly DependentRows[]
  readonly warnings: readonly string[]
}

/** Rows of another table that change because rows of this one go. */
export interface DependentRows {
  readonly schema: string
  readonly table: string
  /** The foreign key that says so. */
  readonly constraint: string
  readonly action: 'deleted' | 'set_null' | 'set_default'
  readonly rows: number
}

export const noRules: RulesTried = { refusal: undefined, dependentRows: [], warnings: [] }

/**
 * Tries the constraints, unique indexes and foreign keys of the production table with the rows as a run would
 * write them. Production is only read. `loaded`: where these rows are. `planned`: the tables that the same
 * run loads, whose rows may be others by then.
 */
export async function tryRules(
  session: DestinationSession,
  stream: SandboxTable,
  {
    loaded,
    planned,
    isComplete,
  }: {
    readonly loaded: TableName
    readonly planned: ReadonlySet<string>
    readonly isComplete: boolean
  },
): Promise<RulesTried> {
  const { production } = stream
  if (production.plan.actual === undefined) return noRules
  const { target, row } = production
  const found = { broken: [], warnings: [] }
  const trial: Trial = { session, stream, loaded, planned, isComplete, found }
  await tryNotNull(trial)
  const ownIndexes = [
    ...(target.key === undefined ? [] : [keyIndexName(target.table, target.key)]),
    ...(typeof row?.keyIndex === 'string' ? [row.keyIndex] : []),
  ]
  for (const rule of await readRules(session, target.table, ownIndexes))
    await guarded(trial, `constraint ${rule.name}`, () => tryRule(trial, rule))
  await guarded(trial, 'partitions', () => tryPartitions(trial))
  await guarded(trial, 'indexes', () => tryIndexes(trial, ownIndexes))
  const dependentRows: DependentRows[] = []
  for (const key of await readIncomingKeys(session, target.table))
    await guarded(trial, `foreign key ${key.name}`, async () => {
      dependentRows.push(...(await tryIncoming(trial, key)))
    })
  const [first, ...others] = trial.found.broken
  return {
    refusal: first && refusalOf(trial, first),
    dependentRows,
    warnings: [
      ...others.map(({ reason }) => `A run would fail: ${reason}`),
      ...trial.found.warnings,
    ],
  }
}

/** A rule that cannot be tried is not held to be kept. */
async function guarded(
  { session, found }: Trial,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (session.isLost || !(error instanceof ConnectError)) throw error
    const { sqlstate } = error.details
    const why = typeof sqlstate === 'string' ? `SQLSTATE ${sqlstate}` : error.code
    found.warnings.push(`The ${what} of the table could not be tried (${why})`)
  }
}

function refusalOf({ session, stream }: Trial, broken: Broken): ConnectError {
  if ('error' in broken) return broken.error
  const { name, sqlstate, reason } = broken
  const { target } = stream.production
  const object = quoteTable(target.table)
  const named = sqlstate === sqlstates.notNullViolation ? { column: name } : { constraint: name }
  const { constraint, fix } = constraintFacts({ sqlstate, reason, ...named }, object)
  const details = {
    host: session.address.host,
    port: session.address.port,
    stream: streamLabel(target.streamId),
    object,
    sqlstate,
    reason,
    fix,
    constraint: `${constraint} (${reason})`,
  }
  return new ConnectError('destination_constraint_violated', { details })
}

/**
 * A query for the rows of production that stay beside those of the sandbox: of an overwrite none, of a merge
 * those that it did not meet.
 */
function staying({ stream }: Trial): string | undefined {
  const { production, before, columns } = stream
  const { target } = production
  if (target.isOverwrite) return undefined
  const values = columns.map(({ name, expression }) => `${expression} AS ${quote(name)}`).join(', ')
  const { key } = target
  const isMet =
    before === undefined || key === undefined
      ? 'false'
      : `EXISTS (SELECT FROM ${quoteTable(before)} b WHERE ${sameKey(stream, key, ['b', 'p'])})`
  return `(SELECT ${values} FROM ${quoteTable(target.table)} p WHERE NOT ${isMet})`
}

function sameKey(
  { production }: SandboxTable,
  key: readonly string[],
  [left, right]: readonly [string, string],
): string {
  return key
    .map((name) => {
      const schema = operatorSchema(production.plan.actual, name)
      return isSame(`${left}.${quote(name)}`, `${right}.${quote(name)}`, schema)
    })
    .join(' AND ')
}

async function tryNotNull(trial: Trial): Promise<void> {
  const { stream, found } = trial
  const { columns, target } = stream.production
  const metadata = new Set(metadataColumns('full').map(([name]) => name))
  const isManaged = (name: string): boolean =>
    metadata.has(name) || target.columns.some((column) => column.name === name)
  for (const column of columns.filter(({ notNull }) => notNull)) {
    const { name } = column
    const hasNone = !isManaged(name) && column.fill === undefined
    if (!isManaged(name) && isFilledUnseen(column)) continue
    // An upsert gives the new row first: it is refused also if it would only update.
    const nulls = await countMatching(
      trial,
      `${written(trial)}${hasNone && target.key !== undefined && !target.isOverwrite ? '' : ` WHERE ${quote(name)} IS NULL`}`,
    )
    const why = hasNone ? ', and the source has no such column' : ''
    if (nulls > 0)
      found.broken.push({
        name,
        sqlstate: sqlstates.notNullViolation,
        reason: `column ${quote(name)} is NOT NULL${why}: ${countedRows(nulls)} without a value`,
      })
    else if (hasNone)
      found.warnings.push(
        `Column ${quote(name)} of the table is NOT NULL, has no default, and is not in the source: the first new row fails`,
      )
  }
}

async function tryRule(trial: Trial, rule: TableRule): Promise<void> {
  const { stream, found } = trial
  const { target, columns } = stream.production
  const unseen = columns.filter(
    (column) =>
      rule.columns.includes(column.name) &&
      !target.columns.some(({ name }) => name === column.name) &&
      isFilledUnseen(column),
  )
  const [first] = unseen
  if (first !== undefined) {
    // Numbers of a sequence hold apart what is to be unique.
    if (first.fill?.kind === 'counter' && rule.kind === 'unique') return
    found.warnings.push(
      `The constraint ${rule.name} of the table was not tried: column ${quote(first.name)} fills itself`,
    )
    return
  }
  switch (rule.kind) {
    case 'check': {
      const count = await countMatching(trial, `${written(trial)} WHERE NOT (${rule.expression})`)
      report(trial, count, {
        name: rule.name,
        sqlstate: sqlstates.checkViolation,
        reason: `${countedRows(count)} against the CHECK constraint ${rule.name}`,
      })
      return
    }
    case 'unique':
    case 'exclusion':
      return tryUnique(trial, rule)
    case 'reference':
      return tryReference(trial, rule)
  }
}

function report({ found }: Trial, count: number, broken: Broken): void {
  if (count > 0) found.broken.push(broken)
}

/** Among the rows that were loaded, and of these with the rows that stay. */
async function tryUnique(trial: Trial, rule: UniqueRule): Promise<void> {
  const count = (await countAlike(trial, rule)) + (await countTaken(trial, rule))
  const what = rule.kind === 'unique' ? 'unique index' : 'exclusion constraint'
  report(trial, count, {
    name: rule.name,
    sqlstate: rule.kind === 'unique' ? sqlstates.uniqueViolation : sqlstates.exclusionViolation,

    reason: `${countedRows(count)} against the ${what} ${rule.name}`,
  })
  const moved = count > 0 || rule.isDeferrable ? 0 : await countMoved(trial, rule)
  report(trial, moved, {
    name: rule.name,
    sqlstate: rule.kind === 'unique' ? sqlstates.uniqueViolation : sqlstates.exclusionViolation,

    reason: `${countedRows(moved)} with values that another row has until the same merge changes it, against the ${what} ${rule.name}`,
  })
}

/**
 * A merge writes row by row: what takes a value that a later row still has is refused, though in the end no
 * two rows have it. Deletes come last. The order of the rows in the sandbox's table is that in which its own
 * merge wrote them.
 */
async function countMoved(trial: Trial, rule: UniqueRule): Promise<number> {
  const { stream, loaded } = trial
  const { before, production } = stream
  const { key, table } = production.target
  if (before === undefined || key === undefined) return 0
  const extra = [
    'ctid AS _reactor_place',
    ...key.map((name, index) => `${quote(name)} AS k${index}`),
  ]
  const old = `${quoteTable(before)} AS ${quote(table.table)}`
  const schemaOf = (name: string): string => operatorSchema(production.plan.actual, name)
  const isSameRow = key.map(
    (name, index) => `(${isSame(`a.k${index}`, `b.k${index}`, schemaOf(name))})`,
  )
  const isRewritten = key.map(
    (name, index) => `(${isSame(`l.${quote(name)}`, `b.k${index}`, schemaOf(name))})`,
  )
  return countMatching(
    trial,
    `${ruleValuesOf(written(trial), rule, extra)} a WHERE EXISTS (SELECT FROM ${ruleValuesOf(old, rule, extra)} b
       WHERE ${meets(rule)} AND NOT (${isSameRow.join(' AND ')}) AND NOT EXISTS (SELECT FROM ${quoteTable(loaded)} l
         WHERE ${isRewritten.join(' AND ')} AND l.ctid < a._reactor_place))`,
  )
}

function countAlike(trial: Trial, rule: UniqueRule): Promise<number> {
  const { parts, kind, nullsAreEqual } = rule
  const expressions = parts.map(({ expression }) => `(${expression})`)
  if (kind === 'exclusion') {
    const place = ['ctid AS _reactor_place']
    const side = ruleValuesOf(written(trial), rule, place)
    return countMatching(
      trial,
      `${side} a JOIN ${side} b ON a._reactor_place < b._reactor_place AND ${meets(rule)}`,
    )
  }
  const conditions = [
    ...(rule.predicate === null ? [] : [rule.predicate]),
    ...(nullsAreEqual ? [] : expressions.map((expression) => `${expression} IS NOT NULL`)),
  ]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  return countMatching(
    trial,
    `(SELECT count(*) AS n FROM ${written(trial)}${where} GROUP BY ${expressions.join(', ')} HAVING count(*) > 1) alike`,
    'sum(n)',
  )
}

async function countTaken(trial: Trial, rule: UniqueRule): Promise<number> {
  const others = staying(trial)
  if (others === undefined) return 0
  const named = `${others} AS ${quote(trial.stream.production.target.table.table)}`
  return countMatching(
    trial,
    `${ruleValuesOf(written(trial), rule)} a WHERE EXISTS (SELECT FROM ${ruleValuesOf(named, rule)} b WHERE ${meets(rule)})`,
  )
}

async function tryReference(trial: Trial, rule: ReferenceRule): Promise<void> {
  const { found, planned, isComplete } = trial
  const { columns, otherColumns, operators, other, isOwn, name } = rule
  const isThere = (from: string): string =>
    `EXISTS (SELECT FROM ${from} WHERE ${columns
      .map(
        (column, index) =>
          `o.${quote(otherColumns[index] ?? '')} ${operators[index] ?? '='} s.${quote(column)}`,
      )
      .join(' AND ')})`
  const others = staying(trial)
  const places = isOwn
    ? [`${quoteTable(trial.loaded)} o`, ...(others === undefined ? [] : [`${others} o`])]
    : [`${quoteTable(other)} o`]
  const isSet = columns.map((column) => `s.${quote(column)} IS NOT NULL`).join(' AND ')
  const count = await countMatching(
    trial,
    `${quoteTable(trial.loaded)} s WHERE ${isSet} AND NOT (${places.map(isThere).join(' OR ')})`,
  )
  if (count === 0) return
  const reason = `${countedRows(count)} against the foreign key ${name}: not in ${quoteTable(other)}`
  // The same run may bring the missing rows, before or after these. Of a stream that was cut the rest may
  // hold them.
  const mayCome = isOwn ? !isComplete : planned.has(quoteTable(other))
  if (mayCome) found.warnings.push(`A run may fail: ${reason} by now`)
  else report(trial, count, { name, sqlstate: sqlstates.foreignKeyViolation, reason })
}

/**
 * Finds the rows of other tables that are deleted or changed with the rows that a run deletes. An overwrite
 * deletes all rows before it writes them again.
 */
async function tryIncoming(trial: Trial, key: IncomingKey): Promise<readonly DependentRows[]> {
  const { found, planned, stream } = trial
  const { target } = stream.production
  const isRefused = key.onDelete === 'refused'
  const gone = goneRows(trial, key)
  if (gone === undefined) return []
  const from = quoteTable(key.from)
  const pairs = key.columns.map(
    (column, index) =>
      `g.${quote(column)} ${key.operators[index] ?? '='} r.${quote(key.fromColumns[index] ?? '')}`,
  )
  const count = await countMatching(
    trial,
    `${from} r WHERE EXISTS (SELECT FROM ${gone} g WHERE ${pairs.join(' AND ')})`,
  )
  if (count === 0) return []
  if (!isRefused) {
    const { schema, table } = key.from
    return [{ schema, table, constraint: key.name, action: key.onDelete, rows: count }]
  }
  const reason = `${countedRows(count)} of ${from} ${count === 1 ? 'refers' : 'refer'} to rows of ${quoteTable(target.table)} that a run deletes (foreign key ${key.name})`
  if (planned.has(from)) found.warnings.push(`A run may fail: ${reason}`)
  else report(trial, count, { name: key.name, sqlstate: sqlstates.foreignKeyViolation, reason })
  return []
}

/** Undefined if a run deletes none. */
function goneRows(
  { stream, loaded }: Trial,
  { columns, isDeferred }: IncomingKey,
): string | undefined {
  const { production, before } = stream
  const { target } = production
  const names = columns.map(quote).join(', ')
  if (target.isOverwrite) {
    const all = `SELECT ${names} FROM ${quoteTable(target.table)}`
    return isDeferred ? `(${all} EXCEPT SELECT ${names} FROM ${quoteTable(loaded)})` : `(${all})`
  }
  if (before === undefined || target.key === undefined) return undefined
  const same = sameKey(stream, target.key, ['a', 'b'])
  return `(SELECT ${names} FROM ${quoteTable(before)} b WHERE NOT EXISTS (SELECT FROM ${quoteTable(loaded)} a WHERE ${same}))`
}
