import type { RecordValue } from '../protocol/index.ts'

/** Days since 1970 as `YYYY-MM-DD`; a number if no calendar has them. */
export function dateOfDays(days: number): RecordValue {
  const date = new Date(days * 86_400_000)
  return Number.isNaN(date.getTime()) ? days : date.toISOString().slice(0, -14)
}

/** How many of the unit are in a second. */
export type TimeUnit = 1_000 | 1_000_000 | 1_000_000_000

/**
 * Units since 1970 as an ISO text with all digits; `zone` is `Z`, or empty for a clock without a zone. A
 * number if no calendar has them.
 */
export function momentText(value: bigint, unit: TimeUnit, zone: 'Z' | ''): RecordValue {
  const perSecond = BigInt(unit)
  const fraction = ((value % perSecond) + perSecond) % perSecond
  const date = new Date(Number((value - fraction) / perSecond) * 1000)
  if (Number.isNaN(date.getTime())) return value
  return date.toISOString().slice(0, -5) + fractionText(Number(fraction), unit) + zone
}

/** Units since midnight as `HH:MM:SS`, with the fraction if there is one. */
export function clockText(value: bigint, unit: TimeUnit): string {
  const perSecond = BigInt(unit)
  const seconds = Number(value / perSecond)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':')
  return clock + fractionText(Number(value % perSecond), unit)
}

function fractionText(fraction: number, unit: TimeUnit): string {
  if (fraction === 0) return ''
  const digits = String(unit).length - 1
  return `.${String(fraction).padStart(digits, '0').replace(/0+$/, '')}`
}
