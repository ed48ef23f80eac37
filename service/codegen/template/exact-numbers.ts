// ---------------------------------------------------------------------------------------------------
// Numbers with all their digits
// ---------------------------------------------------------------------------------------------------

/**
 * ECMAScript has it, and TypeScript does not declare it yet: Node 22, Chrome 114, Firefox 135, Safari 18.4.
 */
const { rawJSON } = JSON as unknown as { readonly rawJSON?: (text: string) => unknown }

/**
 * An integer beyond 2^53 becomes a bigint, a decimal that a double would round an ExactDecimal. Undefined: it
 * is not JSON.
 */
function parseExact(text: string): unknown {
  const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? exactNumber(value, context?.source) : value
  try {
    return /[0-9.]{16}|[0-9]e[+-]?[0-9]{3}/i.test(text) ? JSON.parse(text, exact) : JSON.parse(text)
  } catch {
    return undefined
  }
}

function exactNumber(value: number, source = String(value)): unknown {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source)
  const [mantissa = ''] = source.toLowerCase().split('e')
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+|0+$/g, '')
  const isExact = digits.length <= 15 && Number.isFinite(value)
  return isExact || source === String(value) ? value : (rawJSON?.(source) ?? value)
}

function stringifyExact(body: unknown): string {
  return JSON.stringify(body, (_key, value: unknown) =>
    typeof value === 'bigint' ? (rawJSON?.(String(value)) ?? String(value)) : value,
  )
}

export { parseExact, stringifyExact }
