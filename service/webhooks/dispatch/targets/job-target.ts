import type { JobsClient } from '../../../platform/jobs/jobs-client.ts'
import { ConnectError } from '../../../../protocol/index.ts'
import type {
  DispatchedEvent,
  DispatchOutcome,
  DispatchTarget,
  TargetOf,
  TargetProblem,
} from './contract.ts'
import { dispatchId, envelopeText } from './envelope.ts'
import { postEnvelope } from './post-event.ts'
import type { StandardSignature } from './standard-signature.ts'

export interface JobTargetOptions {
  /** URLs by name: such a job is a request to its handler. */
  readonly handlers: Readonly<Record<string, string>>
  /** The external Jobs service, for all other names. */
  readonly jobs?: Pick<JobsClient, 'send'>
  readonly signature: StandardSignature
  readonly now: () => number
  readonly timeoutMs?: number
}

/** The service takes its own jobs from it, and would delete these. */
const ownQueue = 'connect'
const ownQueueProblem: TargetProblem = {
  reason: 'the queue `connect` of the Jobs service has the runs and schedules of this service',
  fix: 'Give the job another name, with `reactor connect receivers update`.',
}

/**
 * `job:NAME`: a request to the handler of that name, or a job in the queue NAME of an external Jobs service.
 */
export class JobTarget implements DispatchTarget<'job'> {
  readonly #options: JobTargetOptions

  constructor(options: JobTargetOptions) {
    this.#options = options
  }

  problem({ name }: TargetOf<'job'>): TargetProblem | undefined {
    const { handlers, jobs } = this.#options
    if (Object.hasOwn(handlers, name)) return undefined
    if (jobs !== undefined) return name === ownQueue ? ownQueueProblem : undefined
    return {
      reason: `no handler is set for the job ${name}, and there is no Jobs service`,
      fix: `Set the URL of its handler in the settings: \`${name} = "http://…"\` in \`[connect.jobs.handlers]\`, or a Jobs service with \`jobs.url\`, and restart the service.`,
    }
  }

  async dispatch(
    { target, claimed }: DispatchedEvent<'job'>,
    signal: AbortSignal,
  ): Promise<DispatchOutcome> {
    const { handlers, jobs, signature, now, timeoutMs } = this.#options
    const text = envelopeText(claimed)
    if (Object.hasOwn(handlers, target.name)) {
      const headers = await signature.headers(claimed, Buffer.from(text))
      if (headers === undefined)
        return { outcome: 'failed', reason: 'the vault has no secret to sign with' }
      const url = handlers[target.name] ?? ''
      return postEnvelope({ url, headers, text, now, timeoutMs }, signal)
    }
    const id = encodeURIComponent(dispatchId(claimed))
    const group = JSON.stringify(claimed.receiver.id)
    try {
      await jobs?.send({
        method: 'PUT',
        path: `queues/${encodeURIComponent(target.name)}/jobs/${id}`,
        body: `{"delay_ms":0,"group":${group},"payload":${text}}`,
        signal,
      })
      return { outcome: 'done' }
    } catch (error) {
      signal.throwIfAborted()
      return { outcome: 'failed', reason: ConnectError.from(error).message, isTargetDown: true }
    }
  }
}
