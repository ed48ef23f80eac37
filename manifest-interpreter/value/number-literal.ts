/** A number as Python's source spells it. */
export interface NumberLiteral {
  /** A bigint for an int. */
  readonly value: bigint | number
  /** A `j` follows the number. */
  readonly imaginary: boolean
  readonly end: number
}

const digits = '[0-9](?:_?[0-9])*'
const exponent = `[eE][+-]?${digits}`
const float = new RegExp(
  `(?:${digits}\\.(?:${digits})?(?:${exponent})?|\\.${digits}(?:${exponent})?|${digits}${exponent})`,
  'y',
)
const based = /0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)/y
const decimal = new RegExp(digits, 'y')
/** Python refuses to read more digits. */
const maxDigits = 4300

/** Undefined if there is none, or one that Python refuses (`01`, `1_`, `1a`). */
export function readNumber(source: string, position: number): NumberLiteral | undefined {
  const spelled = matchAt(float, source, position)
  if (spelled !== undefined) {
    return ended(source, { position, spelled, value: Number(spelled.replaceAll('_', '')) })
  }
  const prefixed = matchAt(based, source, position)
  if (prefixed !== undefined) {
    return ended(source, {
      position,
      spelled: prefixed,
      value: BigInt(prefixed.replaceAll('_', '')),
    })
  }
  const int = matchAt(decimal, source, position)
  if (int === undefined) return undefined
  const plain = int.replaceAll('_', '')
  const imaginary = /[jJ]/.test(source.charAt(position + int.length))
  if (plain.length > maxDigits || (!imaginary && /^0+[1-9]/.test(plain))) return undefined
  return ended(source, { position, spelled: int, value: BigInt(plain) })
}

function matchAt(pattern: RegExp, source: string, position: number): string | undefined {
  pattern.lastIndex = position
  return pattern.exec(source)?.[0]
}

function ended(
  source: string,
  number: { readonly position: number; readonly spelled: string; readonly value: bigint | number },
): NumberLiteral | undefined {
  const end = number.position + number.spelled.length
  const imaginary = /^[jJ]/.test(source.charAt(end)) && !/^0[xXoObB]/.test(number.spelled)
  const after = source.charAt(imaginary ? end + 1 : end)
  if (/[\w.]/.test(after)) return undefined
  return { value: number.value, imaginary, end: imaginary ? end + 1 : end }
}
