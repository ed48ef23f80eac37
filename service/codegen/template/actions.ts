import type { CreateOptions } from './options.ts'
import { actionRepeats, type Actions } from './instance.ts'
import type { Ask, Repeat } from './requests.ts'

// ---------------------------------------------------------------------------------------------------
// Actions
// ---------------------------------------------------------------------------------------------------

/** How an action is invoked. */
export interface InvokeOptions extends CreateOptions {
  /** Of a dry-run: the call does what it showed, and is not repeated. */
  readonly token?: string
  /** How long the vendor may take for each request, 1 to 100; default 30. */
  readonly timeoutSeconds?: number
}

/** An action. With `dryRun: true` nothing changes outside of the vendor's test mode, and the result says what would have been sent. */
export interface Action<Input, Output, DryRun> {
  (input: Input, options?: InvokeOptions & { readonly dryRun?: false }): Promise<Output>
  (input: Input, options: CreateOptions & { readonly dryRun: true }): Promise<DryRun>
}

/** An action that cannot be tried at the vendor. */
export type ActionWithoutDryRun<Input, Output> = (
  input: Input,
  options?: InvokeOptions,
) => Promise<Output>

interface DryRunFacts {
  /** The exact request that would be sent, without its secrets. */
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: unknown
  }
  readonly credentials: 'ready' | 'missing' | 'reauthorize'
  /** Whether a person should be asked before it is invoked. */
  readonly requires_confirmation: boolean
  /** For one invocation with the same input: `{ token }`. */
  readonly token: string
  readonly expires_at: string
}

/** The vendor's test mode did it. */
export interface NativeDryRun<Output> extends DryRunFacts {
  readonly dry_run: 'native'
  readonly output: Output
}

/** Nothing was sent. */
export interface SynthesizedDryRun extends DryRunFacts {
  readonly dry_run: 'synthesized'
}

function actionsOf(ask: Ask, own: string): Actions {
  const invoke =
    (name: string, repeat: Repeat) =>
    async (
      input: unknown,
      {
        dryRun = false,
        token,
        timeoutSeconds,
        ...call
      }: InvokeOptions & { readonly dryRun?: boolean } = {},
    ): Promise<unknown> => {
      const answer = await ask<{ readonly output: unknown }>({
        method: 'POST',
        path: `${own}/actions/${encodeURIComponent(name)}/invoke`,
        body: {
          input,
          dry_run: dryRun,
          ...(token !== undefined && { token }),
          ...(timeoutSeconds !== undefined && { timeout_seconds: timeoutSeconds }),
        },
        repeat: repeatOf(repeat, { dryRun, token, key: call.idempotencyKey }),
        call: dryRun ? { signal: call.signal } : call,
      })
      return dryRun ? answer : answer.output
    }
  const entries = Object.entries<Repeat>(actionRepeats)
  return Object.fromEntries(
    entries.map(([name, repeat]) => [name, invoke(name, repeat)]),
  ) as unknown as Actions
}

/** A token is used up by the first request: a second one would only say so. A key that the caller gave makes any action repeatable. */
function repeatOf(
  repeat: Repeat,
  call: {
    readonly dryRun: boolean
    readonly token: string | undefined
    readonly key: string | undefined
  },
): Repeat {
  if (call.dryRun) return 'always'
  if (call.token !== undefined) return 'never'
  return call.key === undefined ? repeat : 'with key'
}

export { actionsOf }
