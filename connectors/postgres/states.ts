import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { JsonValue } from '../../protocol/index.ts'
import { namedIdentity } from './named-identity.ts'
import { origin } from './origin.ts'

/** Rows before the state may be missing (missing-rows.ts). */
const incomplete = z.literal(true).exactOptional()

const keyValues = z.array(z.string()).nullable()

/**
 * A range of a full refresh, in the order of the key: from `from` (inclusive) to `to` (exclusive), read up to
 * and including `after`. Values are the text of the key columns; null: no bound, nothing read yet. `types`:
 * the types of these columns, as the source names them. States of earlier versions lack it, and `origin`.
 */
const rangeState = z.object({
  kind: z.literal('range'),
  key: z.array(z.string()),
  from: keyValues,
  to: keyValues,
  after: keyValues,
  done: z.boolean().default(false),
  types: z.array(z.string()).exactOptional(),
  origin: origin.exactOptional(),
  incomplete,
})
export type RangeState = z.infer<typeof rangeState>

/** A full refresh of a stream without a key: all or nothing. */
const wholeState = z.object({ kind: z.literal('whole'), done: z.literal(true) })
export type WholeState = z.infer<typeof wholeState>

/**
 * Rows that were emitted at exactly the cursor's value. `rows`: 8 bytes of hash a row, base64. `digest`: a
 * group of more than 10,000 rows, as its count and the sum of its hashes (hexadecimal, modulo 2^64).
 */
const boundary = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rows'), hashes: z.string() }),
  z.object({ kind: z.literal('digest'), count: z.number().int(), sum: z.string() }),
])
export type Boundary = z.infer<typeof boundary>

/**
 * Rows that an earlier read emitted, and that are to be emitted again: those with a cursor value from `from`
 * to `to`, inclusive, and none beyond the cursor of the state. Null: no bound. `why`: somebody asked for it;
 * or columns have other values than before, then the rows without a cursor value come again too. `after`: how
 * far that was done.
 */
const rangeAgain = z.object({
  why: z.enum(['asked', 'columns']),
  from: z.string().nullable(),
  to: z.string().nullable(),
  after: z.object({ cursor: z.string(), boundary }).exactOptional(),
})
export type RangeAgain = z.infer<typeof rangeAgain>

/**
 * An incremental read: all rows below `cursor`, and those of `boundary` at it, were emitted. A null cursor:
 * only the rows without a cursor value were. `type`: the type of the cursor field, as the source names it.
 * `columns`: the columns that the rows had which `boundary` knows, as a hash of their names. `identities`:
 * the identities of these columns, by their names. States of earlier versions lack them, and `origin`.
 * `again`: what is to be read again before the read goes on.
 */
const cursorState = z.object({
  kind: z.literal('cursor'),
  field: z.string(),
  type: z.string().exactOptional(),
  cursor: z.string().nullable(),
  boundary,
  columns: z.string().exactOptional(),
  identities: z.array(namedIdentity).exactOptional(),
  origin: origin.exactOptional(),
  again: z.array(rangeAgain).exactOptional(),
  incomplete,
})
export type CursorState = z.infer<typeof cursorState>

/**
 * The state of a full refresh's slice; null if a stream without a key begins. Throws `source_state_invalid`.
 */
export function parseFullRefreshState(
  state: JsonValue | null,
  stream: string,
): RangeState | WholeState | null {
  if (state === null) return null
  return parse(z.discriminatedUnion('kind', [rangeState, wholeState]), state, stream)
}

/** The state of an incremental read. Throws `source_state_invalid`. */
export function parseSavedCursor(state: JsonValue, stream: string): CursorState {
  return parse(cursorState, state, stream)
}

/** The state of an incremental read of `field`; null for a first read. Throws `source_state_invalid`. */
export function parseCursorState(
  state: JsonValue | null,
  expected: { readonly stream: string; readonly field: string },
): CursorState | null {
  if (state === null) return null
  const parsed = parseSavedCursor(state, expected.stream)
  if (parsed.field === expected.field) return parsed
  const reason = `it was written for the cursor field ${parsed.field}, not ${expected.field}`
  throw new ConnectError('source_state_invalid', { details: { stream: expected.stream, reason } })
}

function parse<T>(schema: z.ZodType<T>, state: JsonValue, stream: string): T {
  const parsed = schema.safeParse(state)
  if (parsed.success) return parsed.data
  const field = parsed.error.issues[0]?.path.join('.') ?? ''
  const reason = `it is not a state of this sync mode (field ${field === '' ? 'kind' : field})`
  throw new ConnectError('source_state_invalid', { details: { stream, reason } })
}
