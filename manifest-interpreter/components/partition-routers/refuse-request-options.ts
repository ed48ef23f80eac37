import { list } from '../../definition.ts'
import { get, isPlainDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import type { Value } from '../../value/value.ts'

/** A router that makes its own partitions of others' cannot put the others' values on requests. */
export function refuseRequestOptions(routers: readonly Value[], type: string): void {
  const hasOption = (definition: Value) =>
    isPlainDict(definition) && truth(get(definition, 'request_option'))
  for (const router of routers) {
    if (!isPlainDict(router)) continue
    const ofList = get(router, 'type') === 'ListPartitionRouter' && hasOption(router)
    const ofParents =
      get(router, 'type') === 'SubstreamPartitionRouter' &&
      list(router, 'parent_stream_configs').some(hasOption)
    if (ofList || ofParents) throw valueError(`Request options are not supported for ${type}.`)
  }
}
