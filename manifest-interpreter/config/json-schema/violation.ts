import { formatPointer } from '../../../lib/text/json-pointer.ts'
import { str } from '../../value/text.ts'
import type { Dict, Value } from '../../value/value.ts'

/** A violation of a JSON schema by a value. */
export interface Violation {
  /** As Python's jsonschema words it, without the value: that may be a secret. */
  readonly message: string
  readonly keyword: string
  /** From the value to which the keyword's schema applies, down to the wrong value. */
  readonly path: readonly Value[]
  /** The schema that has the keyword. */
  readonly schema: Dict
  readonly instance: Value
  /** For anyOf and oneOf: the violations of each alternative. */
  readonly context: readonly Violation[]
}

/** The place as a JSON pointer, and the problem there. */
export function violationText({ path, message }: Violation): string {
  return path.length === 0 ? message : `${formatPointer(path.map(str))}: ${message}`
}

/** The finding of a keyword. The keyword's caller completes its violations. */
export interface Finding {
  readonly message: string
  readonly context?: readonly Violation[]
  readonly keyword?: string
}
