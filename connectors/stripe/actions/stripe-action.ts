import type { z } from 'zod'
import { isJsonList, isJsonObject, type JsonValue } from '../../../protocol/index.ts'
import { defineAction, type Action, type ActionDefinition } from '../../action.ts'

/** An action of Stripe. Forms and queries have no empty objects: one would be left out, and the caller would take it for done. */
export function stripeAction<Input extends z.ZodObject, Output extends z.ZodType>(
  definition: ActionDefinition<Input, Output>,
): Action {
  const { effect, input } = definition
  const checked = input.superRefine((fields, context) => {
    for (const path of emptyObjects(fields as JsonValue, [])) {
      if (path.length === 0) continue
      const isMetadata = effect === 'update' && path.length === 1 && path[0] === 'metadata'
      const fix = isMetadata ? 'give `""` to remove all metadata, or leave it out' : 'leave it out'
      context.addIssue({
        code: 'custom',
        path: [...path],
        message: `it is empty, and Stripe would not get it: ${fix}`,
      })
    }
  })
  return defineAction({ ...definition, input: checked })
}

type Path = readonly (string | number)[]

function emptyObjects(value: JsonValue, path: Path): readonly Path[] {
  if (isJsonList(value)) return value.flatMap((item, index) => emptyObjects(item, [...path, index]))
  if (!isJsonObject(value)) return []
  const entries = Object.entries(value)
  if (entries.length === 0) return [path]
  return entries.flatMap(([name, item]) => emptyObjects(item, [...path, name]))
}
