const decimal = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i
const notFinite = /^(?:nan|[-+]?infinity)$/i

/** The integer that a text spells with its digits alone. */
export function integerOfText(text: string): bigint | undefined {
  return /^[-+]?\d{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : undefined
}

/** Whether a column of numbers holds the text as a number: also NaN and the infinities. */
export function isNumberText(text: string): boolean {
  return decimal.test(text) || notFinite.test(text)
}

/** NaN or an infinity; undefined for any other text. */
export function notFiniteOfText(text: string): number | undefined {
  if (!notFinite.test(text)) return undefined
  if (/nan/i.test(text)) return Number.NaN
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}
