import anyAscii from 'any-ascii'
import { remembered, renameKeys } from './rename-keys.ts'
import type { Transformation } from '../../contracts.ts'

/** KeysToSnakeCase: `userName` becomes `user_name`, in the record and in the objects in it. */
export function keysToSnakeCase(): Transformation {
  const rename = remembered(airbyteSnakeCase)
  return { transform: (record) => renameKeys(record, rename) }
}

/** Words of letters, numbers, and the characters that separate them. */
const tokens = /[A-Z]+[a-z]*|[a-z]+|\d+|[^a-zA-Z\d]+/g

export function airbyteSnakeCase(key: string): string {
  // A separator is an empty word: within the name it is dropped, at its ends it leaves an underscore.
  const words = (anyAscii(key).match(tokens) ?? []).map((token) =>
    /^[a-zA-Z\d]/.test(token) ? token : '',
  )
  const remaining = words.filter((word, i) => word !== '' || i === 0 || i === words.length - 1)
  // A name does not begin with a digit.
  if (/^\d/.test(remaining[0] ?? '')) remaining.unshift('')
  return remaining.join('_').toLowerCase()
}
