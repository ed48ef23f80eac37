import { list } from '../../definition.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { PlainDict } from '../../value/value.ts'
import type { AsyncJobStatus } from './async-job.ts'

const statuses = [
  ['running', 'RUNNING'],
  ['completed', 'COMPLETED'],
  ['failed', 'FAILED'],
  ['timeout', 'TIMED_OUT'],
  ['skipped', 'SKIPPED'],
] as const satisfies readonly (readonly [string, AsyncJobStatus])[]

/** AsyncJobStatusMap: the meaning of an API's statuses. */
export function asyncJobStatusMap(definition: PlainDict): ReadonlyMap<string, AsyncJobStatus> {
  const map = new Map<string, AsyncJobStatus>()
  for (const [name, status] of statuses)
    for (const value of list(definition, name)) {
      const known = str(value)
      if (map.has(known))
        throw valueError(
          `API status ${known} is already set for CDK status ${name}. Please ensure API statuses are only provided once`,
        )
      map.set(known, status)
    }
  return map
}
