import { functionUrl } from '../../../../lib/net/function-address.ts'
import type {
  DispatchedEvent,
  DispatchOutcome,
  DispatchTarget,
  TargetOf,
  TargetProblem,
} from './contract.ts'
import { dispatchId, envelopeText } from './envelope.ts'
import { postEnvelope } from './post-event.ts'

export interface FunctionTargetOptions {
  /** The address of the Functions service. */
  readonly url?: string
  readonly apiKey?: string
  readonly now: () => number
  readonly timeoutMs?: number
}

/** `function:NAME`: a call of a function of the Functions service. */
export class FunctionTarget implements DispatchTarget<'function'> {
  readonly #options: FunctionTargetOptions

  constructor(options: FunctionTargetOptions) {
    this.#options = options
  }

  problem({ name }: TargetOf<'function'>): TargetProblem | undefined {
    if (this.#options.url !== undefined) return undefined
    return {
      reason: `there is no Functions service that could call ${name}`,
      fix: 'Set its URL with `functions.url`, and restart the service.',
    }
  }

  async dispatch(
    { target, claimed }: DispatchedEvent<'function'>,
    signal: AbortSignal,
  ): Promise<DispatchOutcome> {
    const { url = '', apiKey, now, timeoutMs } = this.#options
    return postEnvelope(
      {
        url: functionUrl(url, target.name),
        headers: {
          'idempotency-key': dispatchId(claimed),
          ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        },
        ...{ text: envelopeText(claimed), now, timeoutMs },
      },
      signal,
    )
  }
}
