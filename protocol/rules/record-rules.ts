import type { Column } from '../columns.ts'
import type { JsonObject } from '../json.ts'
import type { Condition } from './condition.ts'

/** How the values of a column are hidden. */
export type Mask =
  | { readonly as: 'null' }
  /** Every value, also NULL, is this text. */
  | { readonly as: 'constant'; readonly text: string }
  /** HMAC-SHA-256 in hex. NULL stays NULL. */
  | { readonly as: 'hash' }
  /** `****` and the last characters of a value that has more; of a shorter one, nothing. NULL stays NULL. */
  | { readonly as: 'keep_last'; readonly characters: number }

/** A selected column. `name` and `kind` are the source's. */
export interface RuledColumn extends Column {
  /** Its name at the destination. */
  readonly newName: string
  readonly mask?: Mask
}

/**
 * The rules that the records of a stream pass before they leave the read worker, in this order: `where`,
 * masks, names. Nothing behind them (log, topics, states, rejected records, sandboxes, functions) gets a
 * value that they remove. Plain data: it crosses a thread.
 */
export interface RecordRules {
  /** In the order of the wire. */
  readonly columns: readonly RuledColumn[]
  readonly where?: Condition
  /**
   * Columns that only the condition needs, with their schemas, for a source that is asked for its properties
   * by name.
   */
  readonly conditionSchemas: JsonObject
  /** Whether fields that the stream does not declare pass too, except those that are excluded. */
  readonly passesUndeclared: boolean
  readonly excluded: readonly string[]
}

/** The rules, and the key of the masks that are hashes. Holds a secret: never to be logged. */
export interface KeyedRules extends RecordRules {
  /** Present if a mask is a hash. */
  readonly hashKey?: string
}

/** The column as the sink gets it: masked values are texts. */
export function sinkColumn({ newName, kind, mask, postgres_type }: RuledColumn): Column {
  const isText = mask !== undefined && mask.as !== 'null'
  if (isText) return { name: newName, kind: 'string' }
  return { name: newName, kind, ...(postgres_type !== undefined && { postgres_type }) }
}

/** The problem, and its fix, of rules that need a key which the run does not have. */
export const missingMaskKey = {
  problem: 'a hash needs a key, and there is none',
  fix: 'Add `mask_key: ${MASK_KEY}` to the run file, and set the variable to the output of `openssl rand -hex 32`.',
} as const

/** Whether the rules need the key of the hashes. */
export function hasHash({ columns }: Pick<RecordRules, 'columns'>): boolean {
  return columns.some(({ mask }) => mask?.as === 'hash')
}
