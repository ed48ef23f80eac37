import { z } from 'zod'
import { list, optionalComponent, text } from '../../../manifest-interpreter/definition.ts'
import type { Manifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { isPlainDict } from '../../../manifest-interpreter/value/dict.ts'
import { toRecordValue } from '../../../manifest-interpreter/value/record-value.ts'

/** A list within an object, of which Stripe shows ten items. */
const embeddedListSchema = z.object({
  /** Names from the object to the list, with dots between them. */
  field: z.string(),
  /** The path of the whole list. `:id` is the id of the object. */
  path: z.string(),
})
export type EmbeddedList = z.output<typeof embeddedListSchema>

/**
 * A stream of objects whose changes Stripe's events report: the `$parameters` of its stream in the manifest.
 */
const objectStreamSchema = z.object({
  /** The path of its list, and the path before the id of an object. */
  path: z.string(),
  /** The type of its objects, as their field `object` says it. */
  object: z.string(),
  /** The types of events that carry one of its objects, 20 at most. */
  events: z.array(z.string()).min(1).max(20),
  /** Further parameters of the request for its list. */
  params: z.record(z.string(), z.string()).default({}),
  /**
   * The fields that Stripe returns only on request: names from the object to a field, with dots between them,
   * three at most.
   */
  expand: z.array(z.string()).default([]),
  lists: z.array(embeddedListSchema).default([]),
  /** Whether its list can be narrowed to a time of creation. */
  filters_created: z.boolean().default(true),
})
export type ObjectStream = z.output<typeof objectStreamSchema>

/** The lists within the objects of a stream that the interpreter reads. */
const listedStreamSchema = objectStreamSchema.pick({ expand: true, lists: true })
export type ListedStream = z.output<typeof listedStreamSchema>

/** Stripe stores events for 30 days. */
export const keptEventSeconds = 30 * 86_400

/** By name. The interpreter reads all other streams. */
export function objectStreams(manifest: Manifest): ReadonlyMap<string, ObjectStream> {
  const found = streamParameters(manifest).filter(([, parameters]) => 'events' in parameters)
  return new Map(found.map(([name, parameters]) => [name, objectStreamSchema.parse(parameters)]))
}

/** By name: those that the interpreter reads, and whose objects have lists within them. */
export function listedStreams(manifest: Manifest): ReadonlyMap<string, ListedStream> {
  const found = streamParameters(manifest).filter(
    ([, parameters]) => 'lists' in parameters && !('events' in parameters),
  )
  return new Map(found.map(([name, parameters]) => [name, listedStreamSchema.parse(parameters)]))
}

function streamParameters({ definition }: Manifest): readonly (readonly [string, object])[] {
  return list(definition, 'streams')
    .filter(isPlainDict)
    .flatMap((stream) => {
      const parameters = toRecordValue(optionalComponent(stream, '$parameters') ?? null)
      const isObject = typeof parameters === 'object' && parameters !== null
      return isObject ? [[text(stream, 'name'), parameters] as const] : []
    })
}
