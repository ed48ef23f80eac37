import type { z } from 'zod'
import type { finishedSandboxDocument, sandboxDocument } from '../../service/sandboxes/schema.ts'
import { cutTo } from '../output/table.ts'
import { count, counted } from '../run/amounts.ts'
import type { Style } from '../output/paint.ts'

export type SandboxReportDocument = NonNullable<z.output<typeof sandboxDocument>['report']>
export type FinishedSandboxDocument = z.output<typeof finishedSandboxDocument>
export type Stream = SandboxReportDocument['streams'][number]
export type Diff = NonNullable<Stream['diff_vs_current']>
export type Writes = NonNullable<Stream['writes']>
export type Messages = NonNullable<Stream['messages']>
type Rows = Diff['rows']
type RowName = keyof Rows

/** One fact: a sign, its subject, and its text. */
export interface Fact {
  readonly style?: Style
  readonly cells: readonly [sign: string, what: string, text: string]
}

export const verbs = { insert: 'inserted', update: 'updated', delete: 'deleted' } as const

export function pathsText(paths: readonly (readonly string[])[]): string {
  return `(${paths.map((path) => path.join('.')).join(', ')})`
}

export function streamFacts(stream: Stream): readonly Fact[] {
  const { diff_vs_current: diff, last_settings: last } = stream
  return [
    ...(last === null ? [] : [fact(['~', 'settings'], lastText(stream, last), 'yellow')]),
    ...(diff === undefined ? [] : tableFacts(diff)),
    ...(diff === undefined || stream.error !== undefined ? [] : rowFacts(diff, stream)),
    ...(stream.messages === undefined ? [] : messageFacts(stream.messages, stream)),
    ...(stream.writes === undefined ? [] : writeFacts(stream.writes, stream)),
    ...stream.schema_mismatches.map(describeMismatch),
    ...stream.warnings.map((text) => fact(['!', 'warning'], text, 'yellow')),
  ]
}

function lastText(stream: Stream, last: NonNullable<Stream['last_settings']>): string {
  const { sync_mode: syncMode, mode, primary_key: key, cursor_field: cursor } = last
  const was = [
    ...(syncMode === stream.sync_mode && mode === stream.mode ? [] : [`${syncMode}, ${mode}`]),
    ...(pathsText(key) === pathsText(stream.primary_key)
      ? []
      : [key.length === 0 ? 'no key' : `key ${pathsText(key)}`]),
    ...(cursor.join('.') === stream.cursor_field.join('.')
      ? []
      : [cursor.length === 0 ? 'no cursor' : `cursor ${cursor.join('.')}`]),
  ]
  return `its last run had ${was.length === 0 ? 'other settings' : was.join(', ')}`
}

function tableFacts(diff: Diff): readonly Fact[] {
  const isAirbytes = ({ name }: { readonly name: string }): boolean => name.startsWith('_airbyte_')
  const folded = diff.added_columns.filter(isAirbytes)
  return [
    ...(diff.table_exists ? [] : [fact(['+', 'table'], 'new', 'green')]),
    ...diff.added_columns
      .filter((column) => !isAirbytes(column))
      .map(({ name, type }) => fact(['+', 'column'], `${name}  ${type}`, 'green')),
    ...(folded.length === 0
      ? []
      : [fact(['+', counted(folded.length, 'column')], '_airbyte_…', 'green')]),
    ...diff.type_changes.map(({ name, from, to }) =>
      fact(['~', 'column'], `${name}  ${from} becomes ${to}`, 'yellow'),
    ),
    ...diff.removed_columns.map(({ name, type }) =>
      fact(
        ['-', 'column'],
        `${name}  ${type}: no longer in the stream; stays, new rows have NULL`,
        'yellow',
      ),
    ),
    ...(diff.definitions?.removed ?? []).map((label) => fact(['-', 'with'], label, 'yellow')),
    ...(diff.definitions?.added ?? []).map((label) => fact(['+', 'with'], label, 'green')),
    ...(diff.own_columns.length === 0
      ? []
      : [
          fact(
            ['', counted(diff.own_columns.length, 'own column')],
            `${diff.own_columns.map(({ name }) => name).join(', ')}: not in the stream; stays`,
          ),
        ]),
    ...diff.dependent_views.map(({ schema, name, columns }) =>
      fact(
        ['', 'view'],
        `${schema}.${name} reads ${columns.length === 0 ? 'the table' : columns.join(', ')}`,
      ),
    ),
  ]
}

function rowFacts(diff: Diff, stream: Stream): readonly Fact[] {
  const { row_examples: examples } = stream
  const size = diff.table_rows
  const now =
    size === null ? '' : ` (the table has ${size.exact ? '' : 'about '}${rowsText(size.rows)} now)`
  const isNew = !diff.table_exists
  return [
    fact(['', 'rows'], `${rowsLine(diff.rows, stream)}${now}`),
    ...examples.changed.map(({ key, cells }) => {
      const changes = cells.map(
        ({ column, from, to }) => `${column}: ${valueText(from)} -> ${valueText(to)}`,
      )
      return fact(['~', rowText(key)], changes.join(', '), 'yellow')
    }),
    ...examples.deleted.map((row) => fact(['-', 'row'], rowText(row), 'red')),
    ...(isNew ? [] : examples.inserted.map((row) => fact(['+', 'row'], rowText(row), 'green'))),
  ]
}

/** The facts about the messages to a topic. `--json` has more of the messages. */
function messageFacts(messages: Messages, stream: Stream): readonly Fact[] {
  const { format, envelope, partitions, samples } = messages
  const form = envelope === 'row' ? format : `${format}, ${envelope}`
  return [
    ...(messages.topic_exists ? [] : [fact(['+', 'topic'], 'new', 'green')]),
    ...(stream.error === undefined
      ? [fact(['', 'messages'], `${messagesLine(messages, stream)} (${form})`)]
      : []),
    ...(partitions === null
      ? [fact(['', 'partitions'], 'not known: the registry has no number for the key’s schema yet')]
      : []),
    fact(['', 'compared'], `with ${messages.compared_with}: a topic is not read back`),
    ...(stream.mode.startsWith('overwrite')
      ? [
          fact(
            ['', 'old keys'],
            'a whole run also deletes the keys that it does not have; they are not counted here',
          ),
        ]
      : []),
    ...samples.slice(0, shownMessages).map(({ partition, key, value }) => {
      const place = partition === null ? '' : `${String(partition)}: `
      const text = `${place}${shortText(key ?? 'no key')} ${value === null ? 'no value: deleted' : shortText(value)}`
      return value === null
        ? fact(['-', 'message'], text, 'red')
        : fact(['+', 'message'], text, 'green')
    }),
  ]
}

/** The records that a run would write into an instance, field by field. */
function writeFacts(writes: Writes, stream: Stream): readonly Fact[] {
  if (stream.error !== undefined) return []
  return [
    fact(['', 'records'], `${writesLine(writes, stream)} (instance ${writes.instance})`),
    ...(writes.deletes_held
      ? [
          fact(
            ['!', 'deletes'],
            'so many that only the run which the promote token starts deletes them',
            'yellow',
          ),
        ]
      : []),
    ...writes.samples.map(({ operation, key, id, fields }) => {
      const name = id === null ? key : `${key} (${id})`
      const changes = fields.map(({ field, from, to }) =>
        operation === 'create'
          ? `${field}: ${jsonText(to)}`
          : `${field}: ${jsonText(from)} -> ${jsonText(to)}`,
      )
      if (operation === 'delete') return fact(['-', name], 'deleted', 'red')
      const text =
        changes.length === 0 ? 'all fields are as they would be sent' : changes.join(', ')
      return operation === 'create'
        ? fact(['+', name], text, 'green')
        : fact(['~', name], text, 'yellow')
    }),
  ]
}

export function writesLine(writes: Writes, { complete, read }: Stream): string {
  const part = (value: number | null, word: string): string =>
    value === null ? `${word}: not known` : `${count(value)} ${word}`
  const line = [
    part(writes.create, 'created'),
    part(writes.update, 'updated'),
    part(writes.unchanged, 'unchanged'),
    part(writes.delete, 'deleted'),
  ].join(', ')
  return complete ? line : `of the first ${counted(read, 'record')}: ${line}`
}

function jsonText(value: string | null): string {
  return value === null ? 'empty' : shortText(value)
}

const shownMessages = 5
const messageWidth = 160

function shortText(text: string): string {
  const cut = cutTo(text, messageWidth)
  return cut === text ? text : `${cut}…`
}

export function messagesLine(
  { rows, deletes }: Messages,
  { complete, read, rejected }: Stream,
): string {
  const parts = [
    rowsText(rows),
    counted(deletes, 'deletion'),
    ...(rejected > 0 ? [`${count(rejected)} rejected`] : []),
  ]
  const line = parts.join(', ')
  return complete ? line : `of the first ${counted(read, 'record')}: ${line}`
}

/** The figures of a stream that was cut cover the records that were read. */
export function rowsLine(rows: Rows, { complete, read, diff_vs_current: diff }: Stream): string {
  const parts = (['insert', 'update', 'unchanged', 'delete'] as const).map((name) =>
    rowsPart(name, rows[name]),
  )
  const line = parts.join(', ')
  if (complete || diff === undefined || rows.insert === null) return line
  return `of the first ${counted(read, 'record')}: ${line}`
}

function rowsPart(name: RowName, value: number | null): string {
  const word = name === 'unchanged' ? name : verbs[name]
  return value === null ? `${word}: not known` : `${count(value)} ${word}`
}

function describeMismatch({
  field,
  kind,
  declared,
  found,
  records,
}: Stream['schema_mismatches'][number]) {
  const seen = `${found.join(' or ')} in ${counted(records, 'record')}`
  // The values of database rows are not inspected.
  const unheld = `the column cannot hold the value of ${counted(records, 'record')}`
  switch (kind) {
    case 'undeclared':
      return fact(['!', 'not declared'], `${field}: ${seen}; not loaded`, 'yellow')
    case 'type':
      return fact(
        ['!', 'other type'],
        `${field}: ${declared ?? ''} declared, ${found.length === 0 ? unheld : seen}`,
        'yellow',
      )
    case 'missing':
      return fact(['', 'never there'], `${field}: declared, in none of the records`)
  }
}

export function rowsText(value: number): string {
  return counted(value, 'row')
}

/** Longer ones are cut: `--json` has 200 characters of each. */
const valueWidth = 60

function valueText(value: string | null): string {
  if (value === null) return 'NULL'
  if (value === '' || value === 'NULL') return `'${value}'`
  const cut = cutTo(value, valueWidth)
  return cut === value ? value : `${cut}…`
}

export function rowText(row: Readonly<Record<string, string | null>>): string {
  return Object.entries(row)
    .map(([column, value]) => `${column}=${valueText(value)}`)
    .join(' ')
}

export function fact([sign, what]: readonly [string, string], text: string, style?: Style): Fact {
  return { cells: [sign, what, text], ...(style !== undefined && { style }) }
}
