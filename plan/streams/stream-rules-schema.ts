import { z } from 'zod'
import type { DefinitionGroup } from '../../protocol/index.ts'
import { maxConditionLength } from '../../protocol/rules/parse-condition.ts'
import { connectionChoices } from './connection-choices.ts'

// The columns, names, rows and masks of a stream: the same fields in a run file, over HTTP and in
// `--stream-config`. docs/choosing.md.

const columnName = z.string().min(1).max(512)
const columnList = z.array(columnName).min(1).max(1_664)

const columnChoice = z.strictObject({
  include: columnList.exactOptional().meta({ description: 'Only these.' }),
  exclude: columnList.exactOptional().meta({
    description: 'All but these: a new column of the source comes in.',
  }),
})

const keepLast = z.strictObject({
  keep_last: z
    .int()
    .min(1)
    .max(64)
    .meta({ description: '`****` and this number of characters; of a shorter value only `****`.' }),
})
const constant = z.strictObject({
  constant: z.string().max(1_024).meta({ description: 'In the place of every value.' }),
})

/** TOML has no null, so its name is possible too. */
const maskChoice = z.union([z.null(), z.enum(['hash', 'null']), constant, keepLast])
export type MaskChoice = z.infer<typeof maskChoice>

/** A number would change the place of the column: JavaScript puts such properties first. */
const newName = columnName.refine((name) => !/^(?:0|[1-9]\d*)$/.test(name), 'must not be a number')

/** Each of them once. */
export const definitionList = z
  .array(z.enum(connectionChoices.with))
  .refine((list) => new Set(list).size === list.length, 'must not name one twice')

const tableText = z.string().min(1).max(512)

export const streamRules = {
  columns: z
    .union([columnList, columnChoice])
    .exactOptional()
    .meta({
      description: 'The columns that are read. Default: all.',
      examples: [['id', 'status'], { exclude: ['phone'] }],
    }),
  rename: z
    .record(columnName, newName)
    .exactOptional()
    .meta({
      description: 'The names of columns at the destination, by their names at the source.',
      examples: [{ total_cents: 'total' }],
    }),
  where: z
    .string()
    .min(1)
    .max(maxConditionLength)
    .exactOptional()
    .meta({
      description: 'The condition that records must fulfil: docs/choosing.md.',
      examples: ["status = 'paid' and deleted_at is null"],
    }),
  mask: z
    .record(columnName, maskChoice)
    .exactOptional()
    .meta({
      description: 'How values are hidden, by the name of their column at the source.',
      examples: [{ email: 'hash', phone: { keep_last: 4 }, note: null }],
    }),
  table: tableText.exactOptional().meta({
    description: 'The name of its table. Default: the name of the stream.',
  }),
  with: definitionList.exactOptional().meta({
    description:
      'What its table has of the source’s table beside columns and key, from PostgreSQL to PostgreSQL. `[]`: nothing. Default: the `with` of all streams.',
    examples: [['indexes', 'constraints']],
  }),
} as const

/** `raw_{namespace}_{stream}`: the names of the tables of all streams that have none of their own. */
export const tablePattern = tableText.refine(
  (text) =>
    text.includes('{stream}') && !/[{}]/.test(text.replaceAll(/\{(?:stream|namespace)\}/g, '')),
  'must have the placeholder `{stream}`, and may have `{namespace}`: `raw_{stream}`',
)

/** A stream's own settings of these. */
export interface StreamRuleFields {
  readonly columns?:
    | readonly string[]
    | { readonly include?: readonly string[]; readonly exclude?: readonly string[] }
    | undefined
  readonly rename?: Readonly<Record<string, string>> | undefined
  readonly where?: string | undefined
  readonly mask?: Readonly<Record<string, MaskChoice>> | undefined
  readonly table?: string | undefined
  readonly with?: readonly DefinitionGroup[] | undefined
}
