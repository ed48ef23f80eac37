import { formatPointer } from '../../../lib/text/json-pointer.ts'
import { str } from '../../value/text.ts'
import type { Dict, Value } from '../../value/value.ts'

/** A violation of a JSON schema by a value. */
export interface Violation {
  /** As Python's jsonschema words it, without the value: that may be a secret. */
  readonly message: string
  readonly keyword: string
  /** From the value that the keyword's schema is for, down to the one that is wrong. */
  readonly path: readonly Value[]
  /** The schema that has the keyword. */
  readonly schema: Dict
  readonly instance: Value
  /** Of anyOf and oneOf: what is wrong with each alternative. */
  readonly context: readonly Violation[]
}

/** Where it is, as a JSON pointer, and what is wrong there. */
export function violationText({ path, message }: Violation): string {
  return path.length === 0 ? message : `${formatPointer(path.map(str))}: ${message}`
}

/** What a keyword finds: its violations are completed by who calls it. */
export interface Finding {
  readonly message: string
  readonly context?: readonly Violation[]
  readonly keyword?: string
}
