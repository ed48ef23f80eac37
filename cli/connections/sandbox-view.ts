import { streamLabel } from '../../protocol/index.ts'
import { count, counted, duration } from '../run/amounts.ts'
import { changeRows } from './change-table.ts'
import {
  fact,
  messagesLine,
  pathsText,
  rowsLine,
  rowsText,
  rowText,
  streamFacts,
  verbs,
  type Diff,
  type Fact,
  type Messages,
  type SandboxReportDocument,
  type Stream,
  type Writes,
} from './sandbox-facts.ts'

/** The report of a sandbox, in reading order. Text and Markdown show the same. */
export interface SandboxView {
  readonly headline: string
  /** Losses, failures, and facts that need a decision. */
  readonly alarms: readonly Fact[]
  readonly drift: DriftView | null
  /** Streams that change, fail, or have a note. */
  readonly streams: readonly StreamView[]
  /** Names of all others. */
  readonly unchanged: readonly string[]
  readonly footer: readonly string[]
}

export interface DriftView {
  readonly title: string
  readonly rows: readonly (readonly string[])[]
  /** For `ignore`: what the next run does instead. */
  readonly ignored: readonly Fact[]
}

export interface StreamView {
  readonly sign: string
  readonly title: string
  readonly about: string
  readonly facts: readonly Fact[]
  /** Rows of a table that the run makes. */
  readonly samples: readonly Readonly<Record<string, string | null>>[]
}

/**
 * failed: a run would fail. changed: it changes something. open: no change in the records that were read, but
 * the stream was not read to its end.
 */
export type StreamFate = 'failed' | 'changed' | 'open' | 'unchanged'

export function sandboxView(report: SandboxReportDocument): SandboxView {
  const shown = report.streams.filter((stream) => !isFolded(stream))
  const folded = report.streams.filter(isFolded)
  return {
    headline: headline(report),
    alarms: [...report.streams.flatMap(alarmsOf), ...driftAlarms(report)],
    drift: driftView(report),
    streams: shown.map(streamView),
    unchanged: folded.map(streamLabel),
    footer: footer(report),
  }
}

export function fateOf(stream: Stream): StreamFate {
  const { error, diff_vs_current: diff, messages, writes, complete } = stream
  if (error === undefined && writes !== undefined) return fateOfWrites(writes, stream)
  if (error === undefined && messages !== undefined) return fateOfMessages(messages, stream)
  if (error !== undefined || diff === undefined) return 'failed'
  if (isTableChanged(diff, stream)) return 'changed'
  return complete && diff.rows.insert !== null ? 'unchanged' : 'open'
}

function isTableChanged(diff: Diff, { rejected }: Stream): boolean {
  const { insert, update, delete: gone } = diff.rows
  return (
    !diff.table_exists ||
    diff.added_columns.length > 0 ||
    diff.type_changes.length > 0 ||
    diff.reset_values.length > 0 ||
    diff.dependent_rows.length > 0 ||
    rejected > 0 ||
    [insert, update, gone].some((rows) => rows !== null && rows > 0)
  )
}

function fateOfWrites(
  { create, update, delete: gone }: Writes,
  { complete, rejected }: Stream,
): StreamFate {
  if (create + update + (gone ?? 0) + rejected > 0) return 'changed'
  return complete ? 'unchanged' : 'open'
}

/** Nobody knows what a topic has, so each message may change something. */
function fateOfMessages(
  { topic_exists: exists, rows, deletes }: Messages,
  { mode, complete, rejected }: Stream,
): StreamFate {
  if (!exists || rows + deletes + rejected > 0) return 'changed'
  // The end of an overwrite deletes the keys that it does not have.
  return complete && !mode.startsWith('overwrite') ? 'unchanged' : 'open'
}

/** Certainly no change: neither of rows nor of the approved schema. */
export function isWithoutChange(report: SandboxReportDocument): boolean {
  return (
    report.schema_drift === null && report.streams.every((stream) => fateOf(stream) === 'unchanged')
  )
}

function isFolded(stream: Stream): boolean {
  const { warnings, schema_mismatches: mismatches, last_settings: last } = stream
  const isSilent = warnings.length === 0 && mismatches.length === 0 && last === null
  return fateOf(stream) === 'unchanged' && isSilent
}

function headline({ streams, totals }: SandboxReportDocument): string {
  const fates = streams.map(fateOf)
  const countFate = (fate: StreamFate): number =>
    fates.filter((candidate) => candidate === fate).length
  const [changed, unchanged] = [countFate('changed'), countFate('unchanged')]
  const all = counted(streams.length, 'stream')
  const others = [
    ...(countFate('failed') > 0 ? [[count(countFate('failed')), 'cannot run']] : []),
    ...(countFate('open') > 0 ? [[count(countFate('open')), 'not read to the end']] : []),
  ]
  const change = changed === 1 ? 'changes' : 'change'
  const facts = [...(changed > 0 ? [[count(changed), change]] : []), ...others].map(
    ([amount = '', words = ''], index) =>
      // A stream that fails, or was cut, does not count as unchanged.
      index === 0 && (changed > 0 || unchanged === 0)
        ? `${amount} of ${all} ${words}`
        : `${amount} ${words}`,
  )
  const some = unchanged === streams.length ? all : `${count(unchanged)} of ${all}`
  if (changed === 0 && (unchanged > 0 || others.length === 0)) facts.unshift(`No change in ${some}`)
  return `${facts.join(', ')}: ${totalMessages(streams) ?? totalRows(totals)}`
}

/** Undefined if the rows go into tables. */
function totalMessages(streams: readonly Stream[]): string | undefined {
  const hasOthers = streams.some(({ table, writes }) => table !== undefined || writes !== undefined)
  if (streams.length === 0 || hasOthers) return undefined
  const sum = (name: 'rows' | 'deletes'): number =>
    streams.reduce((total, { messages }) => total + (messages?.[name] ?? 0), 0)
  return `${rowsText(sum('rows'))} and ${counted(sum('deletes'), 'deletion')} would be sent, compared with nothing`
}

function totalRows({ rows, rows_at_least: least }: SandboxReportDocument['totals']): string {
  return (['insert', 'update', 'delete'] as const)
    .map((name) => {
      const exact = rows[name]
      const verb = verbs[name]
      const amount = name === 'insert' ? rowsText : count
      if (exact !== null) return `${amount(exact)} ${verb}`
      return least[name] === 0 ? `${verb}: not known` : `at least ${amount(least[name])} ${verb}`
    })
    .join(', ')
}

/** Facts that a reviewer must not overlook. */
function alarmsOf(stream: Stream): readonly Fact[] {
  const { diff_vs_current: diff, error } = stream
  const label = streamLabel(stream)
  const red = (text: string): Fact => fact(['!', label], text, 'red')
  if (error !== undefined)
    return [
      red(`cannot run: ${error.message} [${error.code}]`),
      fact(['', ''], error.suggested_fix),
    ]
  const rejected =
    stream.rejected > 0 ? [red(`${counted(stream.rejected, 'record')} rejected`)] : []
  if (stream.messages !== undefined) return rejected
  if (stream.writes !== undefined) return [...writeAlarms(stream.writes).map(red), ...rejected]
  if (diff === undefined) return [red('the destination could not be asked')]
  return [
    ...deleteAlarms(diff, stream).map(red),
    ...diff.nulled_values.map(({ column, rows }) =>
      red(
        `${column}: ${counted(rows, 'value')} ${isAre(rows)} there now and ${rows === 1 ? 'becomes' : 'become'} NULL`,
      ),
    ),
    ...diff.reset_values.map(({ column, rows }) =>
      red(
        `${column}: ${counted(rows, 'value')} of a column that the source does not have ${isAre(rows)} replaced by its default`,
      ),
    ),
    ...diff.dependent_rows.map(({ schema, table, constraint, action, rows }) =>
      red(
        `${rowsText(rows)} of ${schema}.${table} ${dependentText(action, rows)} (foreign key ${constraint})`,
      ),
    ),
    ...rejected,
  ]
}

function deleteAlarms(diff: Diff, { row_examples: examples }: Stream): readonly string[] {
  const { delete: gone } = diff.rows
  const { estimated_delete: about, table_rows: table } = diff
  if (gone === null)
    return about === null || about === 0 || table === null
      ? []
      : [
          `about ${count(about)} of the ${rowsText(table.rows)} of the table would be deleted, by the source’s own estimate`,
        ]
  if (gone === 0) return []
  const keys = examples.deleted.map(rowText)
  const shown = keys.length === 0 ? '' : `: ${keys.join('; ')}${gone > keys.length ? '; …' : ''}`
  const least = diff.at_least.includes('delete') ? 'at least ' : ''
  return [`${least}${rowsText(gone)} deleted${shown}`]
}

function writeAlarms({ delete: gone, instance }: Writes): readonly string[] {
  if (gone === null || gone === 0) return []
  return [`${counted(gone, 'record')} ${isAre(gone)} deleted in instance ${instance}`]
}

function isAre(value: number): string {
  return value === 1 ? 'is' : 'are'
}

function dependentText(action: Diff['dependent_rows'][number]['action'], rows: number): string {
  switch (action) {
    case 'deleted':
      return `${isAre(rows)} deleted too`
    case 'set_null':
      return `${rows === 1 ? 'loses its' : 'lose their'} reference`
    case 'set_default':
      return `${rows === 1 ? 'gets its' : 'get their'} default reference`
  }
}

function driftAlarms({ schema_drift: drift, schema }: SandboxReportDocument): readonly Fact[] {
  if (drift === null) return []
  const place = schema === null ? 'topic' : 'table'
  return drift.changes
    .filter(({ change }) => change === 'removed')
    .map((stream) =>
      fact(
        ['!', streamLabel(stream)],
        `is gone from the source: it is no longer read, its ${place} stays`,
        'red',
      ),
    )
}

const policies = {
  propagate: 'The source is not as approved. The next run follows it:',
  backfill:
    'The source is not as approved. The next run follows it, and reads rows again whose columns have changed:',
  block_until_approved:
    'The source is not as approved. Runs read nothing until somebody approves this, and promoting approves it:',
  ignore:
    'The source is not as approved. Runs ignore that. Promoting approves it, and the streams below show what a promoted run does:',
} as const

function driftView({ schema_drift: drift }: SandboxReportDocument): DriftView | null {
  if (drift === null) return null
  const left = drift.total - drift.changes.length
  const rows = drift.changes.flatMap((change) =>
    changeRows(change).map((row) => [streamLabel(change), ...row]),
  )
  return {
    title: policies[drift.policy],
    rows: left > 0 ? [...rows, [`and ${counted(left, 'more stream')}`]] : rows,
    ignored: drift.ignored_run === null ? [] : ignoredFacts(drift.ignored_run),
  }
}

type IgnoredRun = NonNullable<NonNullable<SandboxReportDocument['schema_drift']>['ignored_run']>

function ignoredFacts({ streams, unread, error }: IgnoredRun): readonly Fact[] {
  return [
    ...(error === null ? [] : [fact(['!', 'fails'], `${error.message} [${error.code}]`, 'red')]),
    ...unread.map((stream) => fact(['', streamLabel(stream)], 'is not read')),
    ...streams.flatMap((stream) => [
      stream.error === undefined
        ? fact(['', streamLabel(stream)], ignoredText(stream))
        : fact(['!', streamLabel(stream)], `cannot run: ${stream.error.message}`, 'red'),
      ...stream.warnings.map((text) => fact(['!', streamLabel(stream)], text, 'yellow')),
    ]),
  ]
}

function ignoredText(stream: Stream): string {
  const { diff_vs_current: diff, messages } = stream
  if (messages !== undefined) return `${keyText(stream)}${messagesLine(messages, stream)}`
  return diff === undefined ? 'not known' : `${keyText(stream)}${rowsLine(diff.rows, stream)}`
}

function keyText({ primary_key: key, mode }: Stream): string {
  return mode.endsWith('_dedup') && key.length > 0 ? `key ${pathsText(key)}: ` : ''
}

function streamView(stream: Stream): StreamView {
  const { diff_vs_current: diff } = stream
  const place = placeText(stream)
  const title = place === undefined ? streamLabel(stream) : `${streamLabel(stream)} -> ${place}`
  return {
    sign: signOf(stream),
    title,
    about: aboutStream(stream),
    facts: streamFacts(stream),
    samples: diff?.table_exists === false ? stream.sample_rows : [],
  }
}

function placeText({ table, messages }: Stream): string | undefined {
  if (table !== undefined) return `${table.schema}.${table.name}`
  return messages === undefined ? undefined : `topic ${messages.topic}`
}

function signOf(stream: Stream): string {
  const signs = { failed: '!', changed: '~', open: '?', unchanged: ' ' } as const
  const fate = fateOf(stream)
  const { diff_vs_current: diff, messages } = stream
  const isNew = diff?.table_exists === false || messages?.topic_exists === false
  return fate === 'changed' && isNew ? '+' : signs[fate]
}

function aboutStream(stream: Stream): string {
  const { mode, sync_mode: syncMode, primary_key: key, cursor_field: cursor } = stream
  return [
    syncMode,
    mode,
    ...(key.length > 0 ? [`key ${pathsText(key)}`] : []),
    ...(cursor.length > 0 ? [`cursor ${cursor.join('.')}`] : []),
    ...(stream.error === undefined
      ? [`${count(stream.read)} read${stream.complete ? '' : ', not to the end'}`]
      : []),
  ].join(', ')
}

function footer({ totals, seconds, limit_rows: limit }: SandboxReportDocument): readonly string[] {
  const { estimated_cost: cost, cut } = totals
  const run = [
    ...(cost.rows === null ? [] : [`about ${counted(Math.round(cost.rows), 'record')}`]),
    ...(cost.requests === null ? [] : [counted(cost.requests, 'request')]),
    ...(cost.seconds === null ? [] : [duration(cost.seconds)]),
  ]
  const read = `${counted(totals.read, 'record')} read in ${duration(seconds)}`
  const cuts =
    cut > 0 ? `, at most ${count(limit)} of a stream (${counted(cut, 'stream')} cut)` : ''
  return [`${read}${cuts}`, ...(run.length === 0 ? [] : [`a whole run: ${run.join(', ')}`])]
}
