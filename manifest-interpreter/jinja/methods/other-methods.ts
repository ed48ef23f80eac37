import { PythonError } from '../../value/python-error.ts'
import { numeric, isFloat } from '../../value/number.ts'
import { float, type Value } from '../../value/value.ts'
import { methods, type Methods } from './method.ts'
import { textArgument } from './string-methods.ts'

/** The methods of numbers and bytes. */

export const intMethods: Methods<Value> = methods<Value>({
  conjugate: { run: (_args, { self }) => numeric(self) },
  bit_length: {
    run: (_args, { self }) => {
      const size = BigInt(numeric(self) ?? 0)
      return size === 0n ? 0 : (size < 0n ? -size : size).toString(2).length
    },
  },
})

export const floatMethods: Methods<Value> = methods<Value>({
  conjugate: { run: (_args, { self }) => self },
  is_integer: { run: (_args, { self }) => Number.isInteger(Number(numeric(self))) },
})

/** Attributes of numbers that are no methods. */
export function numberAttribute(value: Value, name: string): Value | undefined {
  switch (name) {
    case 'real':
      return typeof value === 'boolean' ? Number(value) : value
    case 'imag':
      return isFloat(value) ? float(0) : 0
    case 'numerator':
      return isFloat(value) ? undefined : numeric(value)
    case 'denominator':
      return isFloat(value) ? undefined : 1
    default:
      return undefined
  }
}

export const bytesMethods: Methods<Uint8Array> = methods<Uint8Array>({
  decode: {
    optional: { encoding: 'utf-8', errors: 'strict' },
    run: ([encoding], { self }) => decode(self, textArgument(encoding)),
  },
  hex: { run: (_args, { self }) => Buffer.from(self).toString('hex') },
})

export function decode(bytes: Uint8Array, encoding: string): string {
  const name = encoding.toLowerCase().replace(/[-_ ]/g, '')
  if (name === 'latin1' || name === 'iso88591') return Buffer.from(bytes).toString('latin1')
  if (name === 'ascii' && bytes.some((byte) => byte > 0x7f)) throw cannotDecode(name)
  if (name !== 'ascii' && name !== 'utf8') {
    throw new PythonError('ValueError', 'unknown encoding')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new PythonError('UnicodeError', `the bytes are not in ${name}`, { cause: error })
  }
}

function cannotDecode(encoding: string): PythonError {
  return new PythonError('UnicodeError', `the bytes are not in ${encoding}`)
}
