import { z } from 'zod'

export const issueId = z
  .string()
  .min(1)
  .max(100)
  .meta({ description: 'Id of the issue (a UUID), or its identifier, such as `ENG-12`.' })

export const id = z.string().min(1).max(100)

/** Of a new object: a repeated call with the same id makes no second one. */
export const newId = z.uuidv4().exactOptional().meta({
  description: 'Id of the new object, a UUID v4. Linear makes one if there is none.',
})

export const day = z.iso.date().meta({ description: 'A day: `2026-03-01`.' })
export const moment = z.iso.datetime({ offset: true })
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
