import type { ClaimedDispatch } from '../deliveries/contract.ts'
import { parseTarget, type Target } from '../receivers/target.ts'
import type { DispatchOutcome, DispatchTarget, TargetProblem } from './targets/contract.ts'

/** The targets by kind. One that is missing: this process sends nothing to it. */
export type TargetsByKind = { readonly [Kind in Target['kind']]?: DispatchTarget<Kind> }

export type FoundTarget =
  | { readonly problem: TargetProblem }
  | { dispatch(claimed: ClaimedDispatch, signal: AbortSignal): Promise<DispatchOutcome> }

/** Knows the targets of the service, and what keeps one from working. */
export class DispatchTargets {
  readonly #byKind: TargetsByKind

  constructor(byKind: TargetsByKind) {
    this.#byKind = byKind
  }

  /** Why nothing can go to a target now: its events wait. For the warnings of receivers. */
  problem(text: string): TargetProblem | undefined {
    const found = this.find(text)
    return 'problem' in found ? found.problem : undefined
  }

  /** Why nothing may ever go to a target: no receiver is made with it. */
  refusal(text: string): TargetProblem | undefined {
    const target = parseTarget(text)
    return target?.kind === 'topic' ? this.#byKind.topic?.refusal?.(target) : undefined
  }

  /** Why each attempt fails as the service is set up: the events are given up in the end. */
  sureFailure(text: string): string | undefined {
    const target = parseTarget(text)
    return target?.kind === 'url' ? this.#byKind.url?.sureFailure?.(target) : undefined
  }

  find(text: string): FoundTarget {
    const target = parseTarget(text)
    if (target === undefined) return { problem: unknownTarget }
    switch (target.kind) {
      case 'job':
        return bound(this.#byKind.job, target)
      case 'function':
        return bound(this.#byKind.function, target)
      case 'topic':
        return bound(this.#byKind.topic, target)
      case 'url':
        return bound(this.#byKind.url, target)
      case 'stream':
        return bound(this.#byKind.stream, target)
    }
  }
}

const unknownTarget: TargetProblem = {
  reason: 'this version of the service does not know such targets',
  fix: 'Change the target with `reactor connect receivers update`, or start a newer version.',
}

function bound<Kind extends Target['kind']>(
  dispatcher: DispatchTarget<Kind> | undefined,
  target: Extract<Target, { readonly kind: Kind }>,
): FoundTarget {
  if (dispatcher === undefined) return { problem: unknownTarget }
  const problem = dispatcher.problem(target)
  if (problem !== undefined) return { problem }
  return { dispatch: (claimed, signal) => dispatcher.dispatch({ target, claimed }, signal) }
}
