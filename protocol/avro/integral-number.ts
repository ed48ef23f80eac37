/** More digits than any int64 has. */
const MAX_DIGITS = 19

/**
 * The integer that a decimal number spells in whatever way (`2.0`, `1e3`, `1E+2`): JSON Schema counts all of
 * them as integers. Undefined if it is none, or has more digits than an int64.
 */
export function integralOf(text: string): bigint | undefined {
  const match = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([-+]?[0-9]+))?$/.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return 0n
  /** How many of the digits are before the point. */
  const count = digits.length - fraction.length + Number(exponent)
  if (count < significant.length || count > MAX_DIGITS) return undefined
  const value = BigInt(significant.padEnd(count, '0'))
  return sign === '-' ? -value : value
}
