import { canonicalJson, canonicalState, withoutNulls } from './canonical.ts'
import type { ExpectedMessage } from './case-files.ts'

/**
 * The first difference between what was expected and what came, in words; null if there is none. Records and
 * the rest are compared as multisets: their order depends on concurrency.
 */
export function firstDifference(
  expected: readonly ExpectedMessage[],
  actual: readonly ExpectedMessage[],
): string | null {
  const missing = new Map<string, number>()
  for (const message of expected) count(missing, comparable(message), 1)
  for (const message of actual) count(missing, comparable(message), -1)
  const lost = [...missing].filter(([, times]) => times > 0).map(([text]) => text)
  const extra = [...missing].filter(([, times]) => times < 0).map(([text]) => text)
  if (lost.length === 0 && extra.length === 0) return null
  const shown = [
    ...lost.slice(0, 1).map((text) => `expected ${shorten(text)}`),
    ...extra.slice(0, 1).map((text) => `got ${shorten(text)}`),
  ]
  return `${shown.join('; ')} (${lost.length} missing, ${extra.length} extra)`
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const times = (counts.get(key) ?? 0) + by
  if (times === 0) counts.delete(key)
  else counts.set(key, times)
}

function shorten(text: string): string {
  return text.length > 600 ? `${text.slice(0, 600)}…` : text
}

/** The part of a message that is compared. Texts of errors are left out: they are for people and differ. */
function comparable(message: ExpectedMessage): string {
  switch (message.type) {
    case 'RECORD':
      return `RECORD ${String(message.stream)} ${canonicalJson(withoutNulls(message.data))}`
    case 'STATE':
      return `STATE ${String(message.stream)} ${canonicalState(message.state)}`
    case 'TRACE_ERROR':
      return `TRACE_ERROR ${String(message.stream)} ${String(message.failure_type)}`
    case 'RAISED':
      return `RAISED ${String(message.failure_type)}`
    case 'CONNECTION_STATUS':
      return `CONNECTION_STATUS ${String(message.status)}`
    default:
      return canonicalJson(message)
  }
}

/** Waits as a multiset of seconds, zeros dropped; null if they are equal. */
export function waitDifference(
  expected: readonly number[],
  actual: readonly number[],
): string | null {
  const normal = (waits: readonly number[]) =>
    waits
      .filter((seconds) => seconds > 0)
      .map((seconds) => Math.round(seconds * 1000) / 1000)
      .toSorted((a, b) => a - b)
      .join(' ')
  return normal(expected) === normal(actual)
    ? null
    : `waited [${normal(actual)}] instead of [${normal(expected)}]`
}
