import type { JsonObject } from '../../protocol/index.ts'

/** Secret and restricted keys of the test mode. */
export function isTestKey({ api_key: key }: JsonObject): boolean {
  return typeof key === 'string' && /^(?:sk|rk)_test_/.test(key)
}
