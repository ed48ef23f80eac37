import type { CallOptions, CreateOptions } from './options.ts'
import { actionRepeats, type Actions, type DryRuns } from './instance.ts'
import type { Ask, Repeat } from './requests.ts'

// ---------------------------------------------------------------------------------------------------
// Actions
// ---------------------------------------------------------------------------------------------------

/** How an action is invoked. */
export interface InvokeOptions extends CreateOptions {
  /** The token of a dry-run: the call does what the dry-run showed, and is not repeated. */
  readonly token?: string
  /** `instance`: the key is the same call under another API key, too; default `caller`. */
  readonly idempotencyScope?: 'caller' | 'instance'
  /** How long the vendor may take for each request, 1 to 100; default 30. */
  readonly timeoutSeconds?: number
}

/**
 * An action. It has one signature, so that a loop may give it what its last call returned, such as the next
 * page.
 */
export type Action<Input, Output> = (input: Input, options?: InvokeOptions) => Promise<Output>

export interface DryRunOptions extends CallOptions {
  /**
   * `synthesized` sends nothing; `native` carries it out in the vendor's test mode, and needs credentials of
   * that. Default: synthesized for an agent and for what needs a confirmation, otherwise native if the
   * credentials are of a test mode.
   */
  readonly kind?: 'native' | 'synthesized' | undefined
}

/** Nothing changes outside of the vendor's test mode; the result says what would have been sent. */
export type DryRun<Input, Plan> = (input: Input, options?: DryRunOptions) => Promise<Plan>

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
  return ofEachAction(
    (name, repeat) =>
      async (
        input: unknown,
        { token, timeoutSeconds, idempotencyScope, ...call }: InvokeOptions = {},
      ) => {
        const { output } = await ask<{ readonly output: unknown }>({
          method: 'POST',
          path: invokePath(own, name),
          body: {
            input,
            dry_run: false,
            ...(token !== undefined && { token }),
            ...(timeoutSeconds !== undefined && { timeout_seconds: timeoutSeconds }),
          },
          repeat: repeatOf(repeat, { token, key: call.idempotencyKey }),
          action: name,
          ...(idempotencyScope !== undefined && {
            headers: { 'idempotency-scope': idempotencyScope },
          }),
          call,
        })
        return output
      },
  ) as Actions
}

function dryRunsOf(ask: Ask, own: string): DryRuns {
  return ofEachAction((name) => (input: unknown, { signal, kind = true }: DryRunDefaults = {}) => {
    const body = { input, dry_run: kind }
    const path = invokePath(own, name)
    return ask({ method: 'POST', path, body, repeat: 'always', call: { signal } })
  }) as DryRuns
}

type DryRunDefaults = CallOptions & { readonly kind?: DryRunOptions['kind'] | true }

function invokePath(own: string, name: string): string {
  return `${own}/actions/${encodeURIComponent(name)}/invoke`
}

function ofEachAction(
  functionOf: (name: string, repeat: Repeat) => (input: unknown) => Promise<unknown>,
): unknown {
  const entries = Object.entries<Repeat>(actionRepeats)
  return Object.fromEntries(entries.map(([name, repeat]) => [name, functionOf(name, repeat)]))
}

/**
 * A token is used up by the first request: a second one would only say so. A key that the caller gave makes
 * any action repeatable.
 */
function repeatOf(
  repeat: Repeat,
  call: {
    readonly token: string | undefined
    readonly key: string | undefined
  },
): Repeat {
  if (call.token !== undefined) return 'never'
  return call.key === undefined ? repeat : 'with key'
}

export { actionsOf, dryRunsOf }
