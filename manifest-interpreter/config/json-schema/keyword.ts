import type { Dict, Value } from '../../value/value.ts'
import type { Finding, Violation } from './violation.ts'

/** The arguments of a keyword. */
export interface KeywordCall {
  /** The value of the keyword. */
  readonly argument: Value
  readonly instance: Value
  /** The schema that has the keyword. */
  readonly schema: Dict
  /** The violations of the instance, or of a part of it, in another schema. */
  readonly check: (schema: Value, instance: Value, key?: Value) => readonly Violation[]
  /** Whether a regular expression of Python is found in a text. */
  readonly isFound: (pattern: Value, text: string) => boolean
  /** The schema that a local reference names. */
  readonly resolve: (reference: string) => Value
}
/** Violations of parts as they are; findings about the instance itself. */
export type Keyword = (call: KeywordCall) => readonly (Violation | Finding)[]
