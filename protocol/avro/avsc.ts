import { createRequire } from 'node:module'
import type Avsc from 'avsc'

let loaded: typeof Avsc | undefined

/**
 * The library, loaded when it is first needed: every thread of a run comes here, and few decode records into
 * objects.
 */
export function avsc(): typeof Avsc {
  loaded ??= createRequire(import.meta.url)('avsc') as typeof Avsc
  return loaded
}
