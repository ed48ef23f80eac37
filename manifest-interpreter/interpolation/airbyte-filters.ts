import { createHash, createHmac } from 'node:crypto'
import { textOf } from '../value/hashable.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { truth } from '../value/truth.ts'
import { filterTable, type FilterContext, type Filters } from '../jinja/filter.ts'
import { encode, textArgument } from '../jinja/methods/string-methods.ts'
import { decode } from '../jinja/methods/other-methods.ts'
import {
  isUndefined,
  textOfOperand,
  typeNameOf,
  undefinedError,
  type Operand,
} from '../jinja/operand.ts'
import { replacer } from '../jinja/python-regex.ts'

/** The filters that Airbyte adds to Jinja's. */

/** Names of hashlib, with those of OpenSSL. */
const hashes: ReadonlyMap<string, string> = new Map([
  ['md5', 'md5'],
  ['sha1', 'sha1'],
  ['sha224', 'sha224'],
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
  ['sha3_224', 'sha3-224'],
  ['sha3_256', 'sha3-256'],
  ['sha3_384', 'sha3-384'],
  ['sha3_512', 'sha3-512'],
  ['blake2b', 'blake2b512'],
  ['blake2s', 'blake2s256'],
])

function hash([value, type, salt]: readonly Operand[]): string {
  const algorithm = hashes.get(textArgument(type))
  if (algorithm === undefined) {
    throw new PythonError('AttributeError', 'No hashing function of this name')
  }
  const digest = createHash(algorithm).update(encode(textOfOperand(value), 'utf-8'))
  if (truth(salt)) digest.update(encode(textOfOperand(salt), 'utf-8'))
  return digest.digest('hex')
}

function hmac([value, key, type]: readonly Operand[]): string {
  if (type !== 'sha256') throw valueError('This hash type is not allowed. Allowed types: sha256')
  return createHmac('sha256', encode(textOfOperand(key), 'utf-8'))
    .update(encode(textOfOperand(value), 'utf-8'))
    .digest('hex')
}

/** value.encode(…): only texts have this method. */
function bytesOf(value: Operand, encoding: string): Uint8Array {
  const text = textOf(value)
  if (text !== undefined) return encode(text, encoding)
  if (isUndefined(value)) throw undefinedError(value)
  throw new PythonError('AttributeError', `'${typeNameOf(value)}' object has no attribute 'encode'`)
}

/**
 * As b64decode: other characters are skipped, text after the padding is dropped, missing padding is an error.
 */
function base64Decode(value: Operand): string {
  const source = Buffer.from(bytesOf(value, 'utf-8')).toString('latin1')
  const data = source.replace(/[^A-Za-z0-9+/=]/g, '')
  let digits = ''
  let pads = 0
  for (const char of data) {
    if (char !== '=') {
      digits += char
      pads = 0
    } else if (digits.length % 4 >= 2 && (digits.length % 4) + ++pads >= 4) {
      return decode(Buffer.from(digits, 'base64'), 'utf-8')
    }
  }
  if (digits.length % 4 !== 0) throw valueError('Incorrect padding')
  return decode(Buffer.from(digits, 'base64'), 'utf-8')
}

function subject(value: Operand): string {
  const text = textOf(value)
  if (text === undefined) {
    throw typeError(`expected string or bytes-like object, got '${typeNameOf(value)}'`)
  }
  return text
}

/** The first group of the first match; empty without a match or a group. */
function regexSearch([value, pattern]: readonly Operand[], context: FilterContext): Operand {
  const text = subject(value)
  const regex = context.regex(textArgument(pattern))
  const match = regex.on(text, (expression) => expression.exec(text), context)
  if (match === null || match.length < 2) return ''
  return match[1] ?? null
}

function regexReplace(args: readonly Operand[], context: FilterContext): string {
  const [value, pattern, replacement] = args
  const text = subject(value)
  const replace = replacer(textArgument(replacement))
  const replaceAll = (expression: RegExp): string => {
    let result = ''
    let position = 0
    for (const match of text.matchAll(expression)) {
      const replaced = replace(match)
      result += text.slice(position, match.index) + replaced
      context.budget.chargeText(match[0].length + replaced.length)
      position = match.index + match[0].length
    }
    return result + text.slice(position)
  }
  return context.regex(textArgument(pattern)).on(text, replaceAll, context)
}

export const airbyteFilters: Filters = filterTable({
  hash: { required: ['value'], optional: { hash_type: 'md5', salt: null }, run: hash },
  hmac: { required: ['value', 'key'], optional: { hash_type: 'sha256' }, run: hmac },
  base64encode: {
    required: ['value'],
    run: ([value]) => Buffer.from(bytesOf(value, 'utf-8')).toString('base64'),
  },
  base64decode: { required: ['value'], run: ([value]) => base64Decode(value) },
  // Encodes, in spite of its name, as the reference does.
  base64binascii_decode: {
    required: ['value'],
    run: ([value]) => Buffer.from(bytesOf(value, 'ascii')).toString('base64'),
  },
  regex_search: { required: ['value', 'regex'], run: regexSearch },
  regex_replace: { required: ['value', 'regex', 'replacement'], run: regexReplace },
})
