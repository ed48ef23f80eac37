import type { Dispatch } from './schema.ts'
import { isMasked, maskedProblem } from './masked-target.ts'
import { isWholeConnection } from './target.ts'

/** The problems of a receiver's targets as a list, each with its place in the request. */
export function dispatchProblems(dispatch: readonly Dispatch[]): readonly string[] {
  const targets = dispatch.map(({ target }) => target)
  return dispatch.flatMap(({ target, sweepEvery }, place) => [
    ...(targets.indexOf(target) < place
      ? [`body/dispatch/${String(place)}/target: it is in the list already`]
      : []),
    ...(isMasked(target) ? [`body/dispatch/${String(place)}/target: ${maskedProblem}`] : []),
    ...(sweepEvery !== undefined && !isWholeConnection(target)
      ? [`body/dispatch/${String(place)}/sweep_every: it belongs to \`stream:CONNECTION/*\` only`]
      : []),
  ])
}
