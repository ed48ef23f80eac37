import type { PublishedConnector } from './published-list.ts'

/** The list changes a few times a day. */
const keptMs = 60 * 60_000

type Find = () => Promise<readonly PublishedConnector[]>

/** Fetches the list once an hour: it is large. One that cannot be fetched is tried again. */
export function keptList(find: Find, now: () => number): Find {
  let kept: { readonly list: ReturnType<Find>; readonly untilMs: number } | undefined
  return async () => {
    if (kept !== undefined && now() < kept.untilMs) return kept.list
    const fetched = { list: find(), untilMs: now() + keptMs }
    kept = fetched
    try {
      return await fetched.list
    } catch (error) {
      if (kept === fetched) kept = undefined
      throw error
    }
  }
}
