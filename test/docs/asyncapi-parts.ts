import { z } from 'zod'

/** A message with a key. */
export function keyed(summary: string, key: object, payload: object): object {
  return { summary, bindings: keyBinding(key), payload }
}

export function keyBinding(key: object): object {
  return { kafka: { key, bindingVersion: '0.5.0' } }
}

/** As it stands in a message: header values are text. A reader ignores what it does not know. */
export function jsonSchema(schema: z.ZodType): object {
  const text = JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), (key, value: unknown) => {
    if (key === '$schema' || key === '$defs') return undefined
    return isReference(value) ? { ...value, $ref: undefined } : value
  })
  return z.record(z.string(), z.json()).parse(JSON.parse(text))
}

/** To the definition of any JSON: it says nothing. */
function isReference(value: unknown): value is { readonly $ref: string } {
  return typeof value === 'object' && value !== null && '$ref' in value
}
