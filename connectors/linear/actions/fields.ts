import { z } from 'zod'

export const issueId = z
  .string()
  .min(1)
  .max(100)
  .meta({ description: 'Id of the issue (a UUID), or its identifier, such as `ENG-12`.' })

export const id = z.string().min(1).max(100)

/** The id of a new object: a repeated call with the same id makes no second object. */
export const newId = z.uuidv4().exactOptional().meta({
  description: 'Id of the new object, a UUID v4. Linear makes one if there is none.',
})

/** A year, or a duration from now on: `-P2W1D`. */
const shortcut = z.string().regex(/^(?:\d{4}|-?P(?=.)(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?)$/)
export const day = z.union([z.iso.date(), shortcut]).meta({
  description: 'A day: `2026-03-01`. Or a year, or a duration from now on: `P2W`.',
})
export const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date(), shortcut]).meta({
  description:
    'A time: `2026-03-01T08:00:00Z`. Or a day, a year, or a duration from now on: `-P2W`.',
})
export const color = z.string().regex(/^#[0-9a-fA-F]{6}$/)
export const priority = z.int().min(0).max(4).meta({
  description: '0 none, 1 urgent, 2 high, 3 medium, 4 low.',
})
export const ids = z.array(id).max(250)
export const markdown = z.string().max(250_000).meta({ description: 'Markdown.' })

/** For an app that acts as itself (`actor=app`). */
export const asUser = {
  createAsUser: z.string().exactOptional().meta({
    description: 'The name to show as the author. Only for an OAuth app that acts as itself.',
  }),
  displayIconUrl: z.url().exactOptional(),
}

/** At least one field beside the id. */
export function hasChange(input: object): boolean {
  return Object.keys(input).length > 1
}

export const changeMissing = 'give at least one field to change'

type Optional<Shape extends z.ZodRawShape> = {
  [Name in keyof Shape]: z.ZodExactOptional<z.ZodNullable<Shape[Name]>>
}

/** Fields that may be absent, and that null empties, or leaves empty. */
export function emptiable<Shape extends z.ZodRawShape>(shape: Shape): Optional<Shape> {
  const fields = Object.entries(shape).map(([name, type]) => [
    name,
    z.exactOptional(z.nullable(type)),
  ])
  return Object.fromEntries(fields) as Optional<Shape>
}
