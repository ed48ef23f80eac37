/**
 * An exact decimal number: `digits` has no zero at either end, and the value is 0.digits × 10^exponent. Zero
 * has no digits.
 */
export interface Decimal {
  readonly sign: -1 | 0 | 1
  readonly digits: string
  readonly exponent: number
}

const decimalText = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/

/** Undefined if the text is not a decimal number: NaN, for one. */
export function parseDecimal(text: string): Decimal | undefined {
  const [, sign, whole = '', fraction = '', power = '0'] = decimalText.exec(text) ?? []
  if (sign === undefined || whole.length + fraction.length === 0) return undefined
  const all = whole + fraction
  const leading = /^0*/.exec(all)?.[0].length ?? 0
  const digits = all.slice(leading).replace(/0+$/, '')
  if (digits === '') return { sign: 0, digits, exponent: 0 }
  return {
    sign: sign === '-' ? -1 : 1,
    digits,
    exponent: whole.length - leading + Number(power),
  }
}

/** Negative, zero or positive, as `left` is below, equal to or above `right`. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.sign !== right.sign) return left.sign - right.sign
  if (left.exponent !== right.exponent) return left.sign * (left.exponent - right.exponent)
  if (left.digits === right.digits) return 0
  // Digits after the point, without zeros at the end: their order is that of the texts.
  return left.sign * (left.digits < right.digits ? -1 : 1)
}

/**
 * The number without exponent and without zeros that say nothing; with an exponent if it would be very long.
 */
export function formatDecimal({ sign, digits, exponent }: Decimal): string {
  if (sign === 0) return '0'
  const minus = sign < 0 ? '-' : ''
  if (Math.abs(exponent) > 400) return `${minus}0.${digits}e${String(exponent)}`
  if (exponent <= 0) return `${minus}0.${'0'.repeat(-exponent)}${digits}`
  if (digits.length <= exponent) return `${minus}${digits}${'0'.repeat(exponent - digits.length)}`
  return `${minus}${digits.slice(0, exponent)}.${digits.slice(exponent)}`
}
