import { z } from 'zod'
import { list } from '../../../manifest-interpreter/definition.ts'
import type { Manifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { isPlainDict, get } from '../../../manifest-interpreter/value/dict.ts'
import { toRecordValue } from '../../../manifest-interpreter/value/record-value.ts'

/** A stream of objects whose changes Stripe's events tell: the `$parameters` of its stream in the manifest. */
const objectStreamSchema = z.object({
  /** Of its list, and before the id of an object. */
  path: z.string(),
  /** The type of its objects, as their field `object` says it. */
  object: z.string(),
  /** The types of events that carry one of its objects, 20 at most. */
  events: z.array(z.string()).min(1).max(20),
  /** What its list is asked for besides. */
  params: z.record(z.string(), z.string()).default({}),
  /** Whether its list can be narrowed to a time of creation. */
  filters_created: z.boolean().default(true),
})
export type ObjectStream = z.output<typeof objectStreamSchema>

/** Undefined if the interpreter reads the stream. */
export function objectStreamOf({ definition }: Manifest, name: string): ObjectStream | undefined {
  const stream = list(definition, 'streams')
    .filter(isPlainDict)
    .find((candidate) => get(candidate, 'name') === name)
  const parameters = stream === undefined ? undefined : get(stream, '$parameters')
  if (parameters === undefined || !isPlainDict(parameters)) return undefined
  if (get(parameters, 'events') === undefined) return undefined
  return objectStreamSchema.parse(toRecordValue(parameters))
}
