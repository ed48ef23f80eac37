import { z } from 'zod'
import { requestInvalid } from '../../platform/http/error-response.ts'

/** A value that was replaced, and stays valid until its own end. */
export const previousSchema = z.strictObject({
  value: z.string().min(1),
  until: z.iso.datetime(),
})
export type Previous = Readonly<z.infer<typeof previousSchema>>

/**
 * The most values that are valid beside the present one: each costs an HMAC for every delivery that is
 * refused.
 */
export const mostPrevious = 4

/**
 * The list after `replaced` got a successor, the newest first, without those that have ended. None of it ends
 * earlier than was promised, except that `until` null ends all. Throws `request_invalid` if too many are
 * still valid.
 */
export function withPrevious(
  list: readonly Previous[],
  replaced: string | undefined,
  { until, nowMs }: { readonly until: string | null; readonly nowMs: number },
): readonly Previous[] {
  if (until === null) return []
  const valid = validAt(list, nowMs)
  if (replaced === undefined) return valid
  if (valid.length < mostPrevious) return [{ value: replaced, until }, ...valid]
  const [first = ''] = valid.map((previous) => previous.until).toSorted()
  throw requestInvalid([
    `body/grace_seconds: ${String(valid.length)} earlier ones are still valid, which is the most; try again after ${first}, when the first of them ends, or give 0, which ends all of them at once`,
  ])
}

export function validAt(list: readonly Previous[], nowMs: number): readonly Previous[] {
  return list.filter(({ until }) => nowMs < Date.parse(until))
}

/** Null if the list is empty. */
export function latestEnd(list: readonly Previous[]): string | null {
  return (
    list
      .map(({ until }) => until)
      .toSorted()
      .at(-1) ?? null
  )
}
