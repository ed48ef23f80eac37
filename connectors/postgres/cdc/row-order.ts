import type { Lsn } from './lsn.ts'

/** The largest position has this many digits. */
const positionDigits = 20
/** 2026-01-01. */
const firstMinute = Date.UTC(2026, 0, 1) / 60_000

/**
 * The era of a first read that begins now: minutes since 2026. A stream that was reset may be at another
 * server than before, whose positions are lower: its rows must win nevertheless.
 */
export function eraOf(nowMs: number): number {
  return Math.max(1, Math.floor(nowMs / 60_000 - firstMinute))
}

/**
 * The part of `_ab_cdc_lsn` before the point. Positions of one server grow. Those of a server that was
 * restored may be lower than before: every read of all rows begins a new era, whose rows win over those of
 * the eras before it. `0` is the era of states that were written without one.
 */
export function orderText(era: number, position: Lsn): string {
  return era === 0 ? String(position) : `${era}${String(position).padStart(positionDigits, '0')}`
}
