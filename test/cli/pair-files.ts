import type { PairShop } from '../engine/two-way/pair-shop.ts'
import { urlOf } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'
import type { TemporaryFolder } from '../support/temporary-folder.ts'
import { startReactor, type Started } from './reactor-command.ts'
import { reactor, type CommandEnd } from './service-command-line.ts'

/** A pair file of the shop's two databases. */
export interface ShopPair extends AsyncDisposable {
  readonly path: string
  /** `reactor connect pair …` with the variables that the file names. */
  pair(...args: readonly string[]): Promise<CommandEnd>
  /** The same as a process. */
  start(...args: readonly string[]): Started
}

export async function shopPair(shop: PairShop, change: object = {}): Promise<ShopPair> {
  const file: TemporaryFolder = await runFile({
    pair: 'crm',
    a: { type: 'postgres', url: '${CRM_A}' },
    b: { url: '${CRM_B}' },
    rules:
      'contact:last_write_wins,account:source_of_truth_a,contact.phone:source_of_truth_b,contact.email:review',
    skew_tolerance_ms: 0,
    streams: [
      {
        name: 'contact',
        a: { table: 'public.contact', modified: 'changed' },
        b: { table: 'person', modified: 'changed' },
        match: 'email',
        fields: [
          { name: 'email', b: 'mail' },
          { name: 'phone', b: 'tel' },
          { name: 'score', b: 'points' },
          { name: 'account', a: 'account_id', b: 'company', references: 'account' },
        ],
      },
      {
        name: 'account',
        a: 'account',
        b: 'company',
        match: 'name',
        fields: [{ name: 'name', b: 'title' }],
      },
    ],
    ...change,
  })
  const environment = { CRM_A: urlOf(shop.a.address), CRM_B: urlOf(shop.b.address) }
  return {
    path: file.path,
    pair: (...args) => reactor(['connect', 'pair', ...args], { environment }),
    start: (...args) => startReactor(['connect', 'pair', ...args], environment),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}
