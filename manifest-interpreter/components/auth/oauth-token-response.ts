import { SourceError } from '../../contracts.ts'
import { abDatetimeParse } from '../../datetime/ab-datetime.ts'
import { isValueError } from '../../datetime/datetime-error.ts'
import { PyDateTime } from '../../value/py-datetime.ts'
import { entries, get, isDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { Value } from '../../value/value.ts'

/** How deep a token endpoint may hide its values. */
const MAX_DEPTH = 5

/** The value of a key, at the top or in the first nested dict that has it; null if there is none. */
export function findInResponse(response: Value, key: Value, depth = 0): Value {
  if (depth > MAX_DEPTH)
    throw new SourceError(
      `The maximum level of recursion is reached. Couldn't find the specified \`${str(key)}\` in the response.`,
      { failureType: 'config_error' },
    )
  if (isDict(response)) {
    const value = get(response, key)
    if (value !== undefined) return value
  }
  for (const nested of nestedValues(response)) {
    const value = findInResponse(nested, key, depth + 1)
    if (value !== null) return value
  }
  return null
}

function nestedValues(value: Value): readonly Value[] {
  if (Array.isArray(value)) return value
  return isDict(value) ? entries(value).map(([, nested]) => nested) : []
}

/** The meaning of a token's expiry: a number of seconds from now, or a moment. */
export type ExpiryKind = 'seconds' | 'moment'

/** The moment at which a token expires, from the value that a token endpoint gave. */
export function expiryOf(value: Value, kind: ExpiryKind, now: PyDateTime): PyDateTime {
  if (kind === 'moment') return parseMoment(str(value))
  const seconds = Number(
    str(value)
      .trim()
      .replaceAll(/(?<=\d)_(?=\d)/g, ''),
  )
  if (str(value).trim() === '' || !Number.isFinite(seconds))
    throw valueError(
      'Invalid expires_in value. Expected number of seconds when no format specified.',
    )
  return plusSeconds(now, Math.trunc(seconds))
}

/**
 * A moment as people and APIs write it: ISO 8601, seconds since 1970, and the other forms that Python's
 * dateutil reads.
 */
export function parseMoment(value: Value): PyDateTime {
  try {
    return abDatetimeParse(value)
  } catch (error) {
    if (isValueError(error))
      throw Object.assign(valueError(`Invalid token expiry date format: ${error.message}`), {
        cause: error,
      })
    throw error
  }
}

export function plusSeconds(moment: PyDateTime, seconds: number): PyDateTime {
  return PyDateTime.ofEpochMicros(moment.epochMicros + BigInt(seconds) * 1_000_000n)
}
