import { describe, test } from 'vitest'

/**
 * `npm run test:long` has every case of the tests that stop, kill and restart things. The usual run has one
 * or two.
 */
export const isLong = process.env.LONG_TESTS !== undefined

/** A test that only the long form has. */
export const longTest = test.runIf(isLong)

/** A group of tests that only the long form has. */
export const longDescribe = describe.runIf(isLong)

/** All cases in the long form, and the first `count` in the usual run. */
export function usually<const Case>(count: number, cases: readonly Case[]): readonly Case[] {
  return isLong ? cases : cases.slice(0, count)
}

/** All cases in the long form. The usual run has every third: with another `start`, others of them. */
export function usuallyThird<const Case>(start: number, cases: readonly Case[]): readonly Case[] {
  return usuallyEvery(3, { start, cases })
}

/** The same with every `step`th. */
export function usuallyEvery<const Case>(
  step: number,
  { start, cases }: { readonly start: number; readonly cases: readonly Case[] },
): readonly Case[] {
  const rest = start % Math.min(step, cases.length || 1)
  return isLong ? cases : cases.filter((_, index) => index % step === rest)
}
