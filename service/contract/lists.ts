import type { Listed } from '../access/access-request.ts'

/** A part of a list. `next`: give it as `cursor` to get what follows; null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

export interface PageRequest {
  /** 1 to 200; 50 where nothing is said. */
  readonly limit?: number
  readonly cursor?: string
}

/** Only the items that it says yes to: a page has as many of them as it may have, however many others lie between. */
export interface ShownOnly {
  readonly shown?: (item: Listed) => boolean
}

/** Every kept thing has a version that each change increases: it is the ETag. */
export interface Versioned {
  readonly version: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}
