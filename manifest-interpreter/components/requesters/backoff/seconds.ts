import type { Builder } from '../../../component.ts'
import { field, optionalNumber, parametersOf } from '../../../definition.ts'
import { valueError } from '../../../value/python-error.ts'
import { str } from '../../../value/text.ts'
import { truth } from '../../../value/truth.ts'
import type { PlainDict } from '../../../value/value.ts'
import { toNumber } from '../../../value/to-number.ts'

/** A field that is a number or a template of one, of the configuration alone. Undefined if it is absent. */
export function compileSeconds(
  definition: PlainDict,
  name: string,
  { config, templates }: Builder,
): () => number | undefined {
  const value = field(definition, name)
  if (value === undefined || value === null || !truth(value)) return () => undefined
  const template = templates.string(str(value), { parameters: parametersOf(definition) })
  return () => {
    const seconds = toNumber(template({ config }))
    if (seconds === null) throw valueError(`The ${name} of a backoff strategy is not a number.`)
    return seconds
  }
}

/** Adds up to twice `jitter_range_in_seconds`. */
export function withJitter(
  definition: PlainDict,
  { environment }: Builder,
): (seconds: number) => number {
  const jitter = optionalNumber(definition, 'jitter_range_in_seconds')
  if (jitter === undefined) return (seconds) => seconds
  if (jitter < 0) throw valueError('jitter_range_in_seconds must be greater than or equal to 0')
  return (seconds) => environment.random(seconds, seconds + jitter * 2)
}
