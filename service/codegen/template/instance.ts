/**
 * A client has the part that is made from an instance in place of this. The template is checked and tested
 * with it.
 */
export const instance = { name: 'shop', type: 'example' } as const

export interface Streams {
  'public.orders': { id: number; total?: number | null }
  customers: { id: number }
}

export const streamIds: ReadonlyMap<string, { name: string; namespace?: string }> = new Map([
  ['customers', { name: 'customers' }],
  ['public.orders', { name: 'orders', namespace: 'public' }],
])

interface InvokeOptions {
  readonly idempotencyKey?: string
  readonly idempotencyScope?: 'caller' | 'instance'
  readonly token?: string
  readonly signal?: AbortSignal
}

export interface Actions {
  readonly getOrder: (input: object, options?: InvokeOptions) => Promise<unknown>
  readonly createOrder: (input: object, options?: InvokeOptions) => Promise<unknown>
  readonly sendInvoice: (input: object, options?: InvokeOptions) => Promise<unknown>
}

interface DryRunOptions {
  readonly kind?: 'native' | 'synthesized'
}

export interface DryRuns {
  readonly createOrder: (input: object, options?: DryRunOptions) => Promise<unknown>
  readonly sendInvoice: (input: object, options?: DryRunOptions) => Promise<unknown>
}

export const actionRepeats: Readonly<Record<keyof Actions, 'always' | 'with key' | 'never'>> = {
  getOrder: 'always',
  createOrder: 'with key',
  sendInvoice: 'never',
}
