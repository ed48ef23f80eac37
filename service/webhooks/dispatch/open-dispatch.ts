import type { Logger } from 'pino'
import type { FunctionsService } from '../../../engine/run-types.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { Settings } from '../../platform/config/settings.ts'
import { JobsClient } from '../../platform/jobs/jobs-client.ts'
import type { Vault } from '../../platform/vault/vault.ts'
import type { DispatchStore } from '../deliveries/contract.ts'
import type { TargetAdvice } from '../receivers/contract.ts'
import { maskedTarget } from '../receivers/masked-target.ts'
import type { TargetAddresses } from '../receivers/target-addresses.ts'
import type { DispatchMetrics } from './dispatch-metrics.ts'
import { DispatchTargets, type TargetsByKind } from './dispatch-targets.ts'
import { Dispatcher } from './dispatcher.ts'
import { FunctionTarget } from './targets/function-target.ts'
import { JobTarget } from './targets/job-target.ts'
import { StandardSignature } from './targets/standard-signature.ts'
import { UrlTarget } from './targets/url-target.ts'

export interface DispatchDependencies {
  readonly settings: Settings
  readonly store: { readonly dispatches: DispatchStore }
  readonly vault: Pick<Vault, 'get'>
  readonly addresses: Pick<TargetAddresses, 'whole'>
  /** Undefined: the settings name no Functions service. */
  readonly functions: FunctionsService | undefined
  readonly logger: Logger
  /** Targets of other kinds. */
  readonly more?: TargetsByKind
  readonly now: () => number
}

export interface OpenDispatch extends AsyncDisposable {
  readonly advice: TargetAdvice
  /** Dispatches what is due, until the signal is aborted. `owner`: no other process has this name. */
  run(options: RunDispatch, signal: AbortSignal): Promise<void>
}

export interface RunDispatch {
  readonly owner: string
  readonly metrics: DispatchMetrics
  /** No other process dispatches. */
  readonly isAlone: boolean
}

/** The targets of a service, by its settings. */
export function openDispatch(dependencies: DispatchDependencies): OpenDispatch {
  const { settings, store, vault, addresses, functions, logger, now, more = {} } = dependencies
  const signature = new StandardSignature({ vault, now })
  const { allowedNetworks, jobsHandlers: handlers } = settings
  const wholeTarget = addresses.whole.bind(addresses)
  const url = new UrlTarget({ signature, wholeTarget, allowedNetworks, now })
  const jobs = jobsClient(settings)
  const targets = new DispatchTargets({
    url,
    job: new JobTarget({ handlers, signature, now, ...(jobs !== undefined && { jobs }) }),
    function: new FunctionTarget({ now, ...functions }),
    ...more,
  })
  return {
    advice: {
      // Whatever is missing may be set later: events wait until then.
      check: (target) => {
        const refusal = targets.refusal(target)
        if (refusal === undefined) return Promise.resolve()
        const details = { target, reason: refusal.reason, fix: refusal.fix }
        return Promise.reject(new ConnectError('target_not_available', { details }))
      },
      warningOf: (target) => warningOf(targets, target),
      interruptions: (texts) => store.dispatches.interruptions(texts),
    },
    run: ({ owner, metrics, isAlone }, signal) => {
      const { dispatches } = store
      const random = Math.random
      const options = { store: dispatches, targets, owner, metrics, isAlone, logger, random }
      return new Dispatcher(options).run(signal)
    },
    [Symbol.asyncDispose]: () => url[Symbol.asyncDispose](),
  }
}

function jobsClient({ jobsUrl: url, jobsApiKey: apiKey }: Settings): JobsClient | undefined {
  if (url === undefined) return undefined
  return new JobsClient({ url, ...(apiKey !== undefined && { apiKey }) })
}

function warningOf(targets: DispatchTargets, text: string): string | undefined {
  const events = `Events for ${maskedTarget(text)}`
  const problem = targets.problem(text)
  if (problem !== undefined) return `${events} wait: ${problem.reason}. ${problem.fix}`
  const failure = targets.sureFailure(text)
  return failure && `${events} do not reach it: ${failure}`
}
