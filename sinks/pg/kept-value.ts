import type { ColumnKind } from '../../protocol/index.ts'

export interface KeptText {
  readonly text: string
  /** Whether the stored value differs from the given one. */
  readonly changed: boolean
}

const integerPattern = /^[+-]?\d{1,19}$/
const numberPattern = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,5})?|NaN|[+-]?Infinity)$/
const datePattern = /^(?:-?infinity|\d{4,7}-\d\d-\d\d(?: BC)?)$/
const clock = String.raw`\d\d:\d\d(?::\d\d(?:\.(\d+))?)?`
const zone = String.raw`(?: ?(?:Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?))?`
const timestampPattern = new RegExp(
  `^(?:-?infinity|\\d{4,6}-\\d\\d-\\d\\d[ T]${clock}${zone}(?: BC)?|\\d{4,6}-\\d\\d-\\d\\d(?: BC)?)$`,
)
const timePattern = new RegExp(`^${clock}$`)
const timetzPattern = new RegExp(`^${clock}${zone}$`)
const maxInt64 = 9223372036854775807n

/**
 * The text that a column can hold of a value which the stream's declared type could not (`json`, from the overflow map);
 * undefined where the column cannot hold it either.
 */
export function keptText(json: string, holds: ColumnKind): KeptText | undefined {
  if (holds === 'json') return withChange(storableJson(json), json)
  const text = json.startsWith('"') ? String(JSON.parse(json)) : json
  if (holds === 'string') return withChange(text.replaceAll('\u0000', '').toWellFormed(), text)
  if (!isOfKind(text, holds)) return undefined
  return { text, changed: hasTooFineFraction(text, holds) }
}

function withChange(text: string, given: string): KeptText {
  return { text, changed: text !== given }
}

function isOfKind(text: string, holds: Exclude<ColumnKind, 'json' | 'string'>): boolean {
  switch (holds) {
    case 'boolean':
    case 'bytes':
      return false
    case 'integer': {
      if (!integerPattern.test(text)) return false
      const value = BigInt(text)
      return value <= maxInt64 && value >= -maxInt64 - 1n
    }
    case 'number':
    case 'double':
      return numberPattern.test(text)
    case 'date':
      return datePattern.test(text)
    case 'timestamptz':
    case 'timestamp':
      return timestampPattern.test(text)
    case 'time':
      return timePattern.test(text)
    case 'timetz':
      return timetzPattern.test(text)
  }
}

/** Postgres keeps microseconds and rounds what is finer. */
function hasTooFineFraction(text: string, holds: ColumnKind): boolean {
  if (holds === 'number' || holds === 'double' || holds === 'integer') return false
  return /\.\d{6}\d*[1-9]/.test(text)
}

/** JSON text without what jsonb refuses: the escape \u0000 is left out, half a surrogate pair becomes U+FFFD. The rest stays to the byte. */
export function storableJson(json: string): string {
  return json.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|[^u])/g,
    (escape: string, unit: string | undefined, low: string | undefined) => {
      if (unit === undefined) return escape
      const code = Number.parseInt(unit, 16)
      const isHigh = code >= 0xd800 && code < 0xdc00
      if (isHigh && low !== undefined) return escape
      const isHalf = code >= 0xd800 && code < 0xe000
      const first = code === 0 ? '' : isHalf ? '\ufffd' : `\\u${unit}`
      return low === undefined ? first : `${first}\ufffd`
    },
  )
}
