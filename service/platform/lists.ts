import { z } from 'zod'
import type { ListedResource } from './access/access-request.ts'
import { toWire, type Resource, type Wire } from './wire.ts'

/** A part of a list. `next`: give it as `cursor` to get what follows; null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

export interface PageRequest {
  /** 1 to 200; 50 if nothing is said. */
  readonly limit?: number
  readonly cursor?: string
}

/** Says whether the caller may see an item of a list. */
export type ShownFilter = (item: ListedResource) => boolean

/**
 * Which items the caller may see; absent or null: all. A page is filled up with them, however many hidden
 * ones lie between.
 */
export interface ShownOnly {
  readonly shown?: ShownFilter | null
}

/** A number in a query: digits only (`z.coerce` would also take ``, ` 5 ` and `0x10`). */
export function digits(range: {
  readonly least: number
  readonly most: number
}): z.ZodType<number> {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : text),
    z.int().min(range.least).max(range.most),
  )
}

export const pageQuery = {
  limit: digits({ least: 1, most: 200 })
    .exactOptional()
    .meta({ description: 'Maximum number of items; default 50.' }),
  cursor: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, 'is not a cursor of this API: use the `next_cursor` of a page')
    .exactOptional()
    .meta({ description: 'The `next_cursor` of the previous response.' }),
}

export function pageSchema<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ items: z.ZodArray<Item>; next_cursor: z.ZodNullable<z.ZodString> }> {
  return z.object({
    items: z.array(item),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: 'Pass it as `cursor` to get the next page; null at the end.' }),
  })
}

export function pageToWire<Schema extends z.ZodType>(
  schema: Schema,
  page: Page<Resource<Schema>>,
): { items: Wire<z.output<Schema>>[]; next_cursor: string | null } {
  return { items: page.items.map((item) => toWire(schema, item)), next_cursor: page.next }
}
