import type { JsonObject } from '../../protocol/index.ts'

/** Secret and restricted keys of the test mode. */
export function isTestKey({ api_key: key }: JsonObject): boolean {
  return typeof key === 'string' && /^(?:sk|rk)_test_/.test(key)
}

/** The mode that a key is for; null if the key does not say it. */
export function keyMode({ api_key: key }: JsonObject): 'live' | 'test' | null {
  const [, mode] = typeof key === 'string' ? (/^(?:sk|rk)_(live|test)_/.exec(key) ?? []) : []
  return mode === 'live' || mode === 'test' ? mode : null
}
