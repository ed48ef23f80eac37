import type { Action, ActionWithoutDryRun, SynthesizedDryRun } from './client.ts'

/** What stands in a client instead of this: the part that is made from an instance. The template is checked and tested with it. */
export const instance = { name: 'shop', type: 'example' } as const

export interface Streams {
  'public.orders': { id: number; total?: number | null }
  customers: { id: number }
}

export const streamIds: ReadonlyMap<string, { name: string; namespace?: string }> = new Map([
  ['public.orders', { name: 'orders', namespace: 'public' }],
])

export interface Actions {
  readonly createOrder: Action<{ total: number }, { id: number }, SynthesizedDryRun>
  readonly sendInvoice: ActionWithoutDryRun<{ order: number }, { sent: boolean }>
}

export const actionRepeats: Readonly<Record<keyof Actions, 'always' | 'with key' | 'never'>> = {
  createOrder: 'with key',
  sendInvoice: 'never',
}
