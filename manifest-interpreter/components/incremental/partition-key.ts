import { dumpJson } from '../../value/json-dumps.ts'
import type { Value } from '../../value/value.ts'

/** The identity of a partition: equal for equal partitions, whatever the order of their fields. */
export function partitionKey(partition: Value): string {
  return dumpJson(partition, { sortKeys: true, separators: [',', ':'] })
}
