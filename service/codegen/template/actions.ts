import type { CreateOptions } from './options.ts'
import { actionRepeats, type Actions } from './instance.ts'
import type { Ask, Repeat } from './requests.ts'

// ---------------------------------------------------------------------------------------------------
// Actions
// ---------------------------------------------------------------------------------------------------

/** An action. With `dryRun: true` nothing is done, and the response says what would have been done. */
export interface Action<Input, Output, DryRun> {
  (input: Input, options?: CreateOptions & { readonly dryRun?: false }): Promise<Output>
  (input: Input, options: CreateOptions & { readonly dryRun: true }): Promise<DryRun>
}

/** An action that cannot be tried at the vendor. */
export type ActionWithoutDryRun<Input, Output> = (
  input: Input,
  options?: CreateOptions,
) => Promise<Output>

/** The vendor's test mode executed it. */
export interface NativeDryRun<Output> {
  readonly dry_run: 'native'
  readonly output: Output
}

/** The exact request that would be sent, without its secrets. */
export interface SynthesizedDryRun {
  readonly dry_run: 'synthesized'
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: unknown
  }
}

function actionsOf(ask: Ask, own: string): Actions {
  const invoke =
    (name: string, repeat: Repeat) =>
    async (
      input: unknown,
      { dryRun = false, ...call }: CreateOptions & { readonly dryRun?: boolean } = {},
    ): Promise<unknown> => {
      const answer = await ask<{ readonly output: unknown }>({
        method: 'POST',
        path: `${own}/actions/${encodeURIComponent(name)}/invoke`,
        body: { input, dry_run: dryRun },
        repeat: dryRun ? 'always' : repeat,
        call,
      })
      return dryRun ? answer : answer.output
    }
  const entries = Object.entries<Repeat>(actionRepeats)
  return Object.fromEntries(
    entries.map(([name, repeat]) => [name, invoke(name, repeat)]),
  ) as unknown as Actions
}

export { actionsOf }
