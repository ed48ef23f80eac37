import { seededRandom } from '../../../support/random.ts'
import {
  accounts,
  changesOf,
  contacts,
  createSalesShop,
  overriding,
  rowsOf,
  runRound,
  type RoundChange,
  type SalesShop,
} from './sales-shop.ts'

/** A value that a person wrote and that nobody has replaced by hand: it must not be lost. */
interface OpenEdit {
  readonly field: string
  readonly key: string
}

const steps = 14
/** Enough for requests that may still arrive, and for passes that wait for parents. */
const settlingRounds = 7

/** People and an automation change both sides, requests fail, and runs die. */
export class SalesHistory {
  readonly #shop: SalesShop
  readonly #random: () => number
  readonly #open = new Map<string, OpenEdit>()
  #count = 0

  private constructor(shop: SalesShop, random: () => number) {
    this.#shop = shop
    this.#random = random
  }

  /** Plays one history and returns what was violated. */
  static async play(seed: number): Promise<readonly string[]> {
    const random = seededRandom(seed)
    await using shop = await createSalesShop()
    const options = { ...shop.pair.options, deleteLimit: { records: 1_000, share: 1 } }
    const mode = random() < 0.5 ? ('guarded' as const) : ('fast' as const)
    const b = { ...shop.pair.sides.b, mode }
    const pair = { ...shop.pair, options, sides: { ...shop.pair.sides, b } }
    const history = new SalesHistory({ ...shop, pair }, random)
    return await history.#play()
  }

  async #play(): Promise<readonly string[]> {
    if (this.#chance(0.5)) this.#addTriggers()
    for (let step = 0; step < steps; step++) {
      const isAct = this.#chance(0.6)
      const hidden = isAct ? [] : await this.#hiddenEmails()
      if (isAct) await this.#act()
      else await this.#disturbedRound()
      const left = new Set(await this.#hiddenEmails())
      const found = [
        ...(await this.#doubled()),
        ...hidden.filter((email) => !left.has(email)).map((email) => `${email} is only hidden`),
      ]
      if (found.length > 0) return [`step ${String(step)}: ${found.join('; ')}`]
    }
    const { organization, salesforce } = this.#shop
    salesforce.faults = {}
    organization.hiddenRecords.clear()
    for (let round = 0; round < settlingRounds; round++) {
      organization.pass(300)
      await runRound(this.#shop)
    }
    organization.pass(300)
    const last = await runRound(this.#shop)
    const loud = (['account', 'contact'] as const)
      .map((stream) => [stream, changesOf(last, stream)] as const)
      .filter(([, changes]) => Object.keys(changes).length > 0)
    return [
      ...loud.map((changes) => `not quiet: ${JSON.stringify(changes)}`),
      ...(await this.#doubled()),
      ...(await this.#differences()),
      ...(await this.#lost()),
    ]
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }

  #pick<const Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#random() * items.length)]
  }

  #addTriggers(): void {
    const { triggers } = this.#shop.organization
    triggers.set('Account', (account) => {
      if (typeof account.Phone === 'string') account.Phone = account.Phone.toLowerCase()
    })
    let left = 3
    triggers.set('Contact', (contact, before) => {
      const isEdited = contact.LastName !== before?.LastName
      // A value that our write brings and that is replaced at once would be its form, and no edit.
      const isFree = contact.MailingCity === before?.MailingCity
      if (before === undefined || !isEdited || !isFree || left === 0) return
      left -= 1
      this.#open.delete(String(contact.MailingCity))
      contact.MailingCity = `auto ${String(left)}`
    })
  }

  /** A person does something on one of the sides. */
  async #act(): Promise<void> {
    this.#shop.organization.pass(2)
    const act = this.#pick([
      ...(['create', 'create', 'edit', 'edit', 'edit', 'refer', 'delete', 'hide'] as const),
      ...(['hide', 'hide', 'undelete', 'merge', 'touch'] as const),
    ])
    const isInDatabase = this.#chance(0.5)
    if (act === 'create') await this.#create(isInDatabase)
    else if (act === 'edit') await this.#edit(isInDatabase)
    else if (act === 'refer') await this.#refer(isInDatabase)
    else if (act === 'delete') await this.#delete(isInDatabase)
    else this.#actInSalesforce(act)
  }

  #newValue(field: string, key: string, before: unknown): string {
    if (typeof before === 'string') this.#open.delete(before.toLowerCase())
    this.#count += 1
    const value = `v${String(this.#count)}`
    this.#open.set(value, { field, key })
    return value
  }

  async #create(isInDatabase: boolean): Promise<void> {
    const { database, organization } = this.#shop
    this.#count += 1
    const key = `k${String(this.#count)}`
    const isAccount = this.#chance(0.4)
    const value = this.#newValue(isAccount ? 'phone' : 'last_name', key, null)
    if (isAccount) {
      if (isInDatabase)
        await database.query('INSERT INTO account (name, phone) VALUES ($1, $2)', [key, value])
      else organization.create('Account', { Name: key, Phone: value })
    } else if (isInDatabase)
      await database.query('INSERT INTO contact (email, last_name) VALUES ($1, $2)', [key, value])
    else organization.create('Contact', { Email: key, LastName: value })
  }

  async #edit(isInDatabase: boolean): Promise<void> {
    const { database, organization } = this.#shop
    const [own, vendor] = this.#pick([
      ['last_name', 'LastName'],
      ['city', 'MailingCity'],
    ] as const) ?? ['city', 'MailingCity']
    if (isInDatabase) {
      const rows = await database.query('SELECT * FROM contact ORDER BY id')
      const row = this.#pick(rows)
      if (row === undefined) return
      const value = this.#newValue(own, String(row.email), row[own])
      await database.query(`UPDATE contact SET ${own} = $1 WHERE id = $2`, [value, row.id])
      return
    }
    const row = this.#pick(rowsOf(this.#shop, 'contact'))
    if (row === undefined) return
    const value = this.#newValue(own, String(row.Email), row[vendor])
    organization.update('Contact', String(row.Id), { [vendor]: value })
  }

  async #refer(isInDatabase: boolean): Promise<void> {
    const { database, organization } = this.#shop
    if (isInDatabase) {
      const child = this.#pick(await database.query('SELECT id FROM contact ORDER BY id'))
      const parent = this.#pick(await database.query('SELECT id FROM account ORDER BY id'))
      if (child !== undefined && parent !== undefined)
        await database.query('UPDATE contact SET account_id = $1 WHERE id = $2', [
          parent.id,
          child.id,
        ])
      return
    }
    const child = this.#pick(rowsOf(this.#shop, 'contact'))
    const parent = this.#pick(rowsOf(this.#shop, 'account'))
    if (child !== undefined && parent !== undefined)
      organization.update('Contact', String(child.Id), { AccountId: String(parent.Id) })
  }

  async #delete(isInDatabase: boolean): Promise<void> {
    const { database, organization } = this.#shop
    const isAccount = this.#chance(0.3)
    if (isInDatabase) {
      const table = isAccount ? 'account' : 'contact'
      const row = this.#pick(await database.query(`SELECT * FROM ${table} ORDER BY id`))
      if (row === undefined) return
      this.#forget(row)
      if (isAccount)
        await database.query('UPDATE contact SET account_id = NULL WHERE account_id = $1', [row.id])
      await database.query(`DELETE FROM ${table} WHERE id = $1`, [row.id])
      return
    }
    const row = this.#pick(rowsOf(this.#shop, isAccount ? 'account' : 'contact'))
    if (row === undefined) return
    this.#forget(row)
    if (isAccount) this.#giveChildren(String(row.Id), null)
    organization.delete(isAccount ? 'Account' : 'Contact', String(row.Id))
  }

  /** Values of a record that a person deletes are gone on purpose. */
  #forget(row: Readonly<Record<string, unknown>>): void {
    for (const value of Object.values(row))
      if (typeof value === 'string') this.#open.delete(value.toLowerCase())
  }

  #giveChildren(account: string, to: string | null): void {
    const { organization } = this.#shop
    for (const { Id: id, AccountId: parent } of organization.visible('Contact'))
      if (parent === account && organization.find(String(id))?.IsDeleted !== true)
        organization.update('Contact', String(id), { AccountId: to })
  }

  #actInSalesforce(act: 'hide' | 'undelete' | 'merge' | 'touch' | undefined): void {
    const { organization } = this.#shop
    const row = this.#pick(rowsOf(this.#shop, 'contact'))
    if (act === 'hide') {
      if (row !== undefined && this.#chance(0.6)) organization.hiddenRecords.add(String(row.Id))
      else organization.hiddenRecords.clear()
    } else if (act === 'touch') {
      if (row !== undefined) organization.update('Contact', String(row.Id), {})
    } else if (act === 'undelete') this.#undelete()
    else if (act === 'merge') this.#merge()
  }

  /** Nobody brings back a record that was made again in the meantime. */
  #undelete(): void {
    const { organization } = this.#shop
    const gone = this.#pick(
      organization
        .visible('Contact')
        .filter((row) => row.IsDeleted === true && (row.MasterRecordId ?? null) === null),
    )
    const isThere = rowsOf(this.#shop, 'contact').some(
      (row) => row.Email === gone?.Email || row.Link__c === gone?.Link__c,
    )
    if (gone !== undefined && !isThere) organization.undelete('Contact', String(gone.Id))
  }

  #merge(): void {
    const { organization } = this.#shop
    const [winner, loser] = rowsOf(this.#shop, 'account')
    if (winner === undefined || loser === undefined) return
    this.#forget(loser)
    organization.merge('Account', String(winner.Id), [String(loser.Id)])
    this.#giveChildren(String(loser.Id), String(winner.Id))
  }

  /** A run among failing requests, which may die between a write and its bookkeeping. */
  async #disturbedRound(): Promise<void> {
    const { salesforce, organization } = this.#shop
    const failure = (status: number) => ({
      status,
      body: [{ errorCode: status === 429 ? 'REQUEST_LIMIT_EXCEEDED' : 'UNKNOWN', message: 'no' }],
    })
    if (this.#chance(0.5))
      salesforce.faults = {
        before: () => (this.#chance(0.15) ? failure(this.#chance(0.5) ? 429 : 500) : undefined),
        after: () => {
          if (!this.#chance(0.2)) return undefined
          return this.#chance(0.5) ? 'cut' : failure(500)
        },
      }
    const locked = this.#pick(rowsOf(this.#shop, 'account'))
    if (locked !== undefined && this.#chance(0.2)) organization.locked.add(String(locked.Id))
    const isDying = this.#chance(0.25)
    try {
      await runRound(this.#shop, isDying ? this.#dying() : {})
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'the process died') throw error
    } finally {
      salesforce.faults = {}
      organization.locked.clear()
    }
    if (this.#chance(0.4)) organization.pass(150)
  }

  #dying(): RoundChange {
    return {
      store: (store) =>
        overriding(store, {
          save: async (change) => {
            if (change.history.length > 0 && this.#chance(0.6)) throw new Error('the process died')
            await store.save(change)
          },
        }),
    }
  }

  /** Contacts of the database whose record at Salesforce is hidden: no round may delete them. */
  async #hiddenEmails(): Promise<readonly string[]> {
    const { database, organization } = this.#shop
    const hidden = [...organization.hiddenRecords].map((id) => organization.find(id)?.Email)
    const rows = await database.query('SELECT email FROM contact')
    return rows.map(({ email }) => String(email)).filter((email) => hidden.includes(email))
  }

  async #doubled(): Promise<readonly string[]> {
    const emails = await this.#shop.database.query('SELECT email FROM contact')
    const names = await this.#shop.database.query('SELECT name FROM account')
    const keys = {
      'contacts of the database': emails.map(({ email }) => email),
      'accounts of the database': names.map(({ name }) => name),
      'contacts of Salesforce': rowsOf(this.#shop, 'contact').map((row) => row.Email),
      'accounts of Salesforce': rowsOf(this.#shop, 'account').map((row) => row.Name),
    }
    return Object.entries(keys).flatMap(([place, values]) =>
      values
        .filter((value, index) => values.indexOf(value) !== index)
        .map((value) => `${place}: ${String(value)} is there twice`),
    )
  }

  async #differences(): Promise<readonly string[]> {
    const found: string[] = []
    for (const { a, b } of [await contacts(this.#shop), await accounts(this.#shop)]) {
      const [left, right] = [a, b].map((rows) => JSON.stringify(rows).toLowerCase())
      if (left !== right) found.push(`the sides differ: ${String(left)} and ${String(right)}`)
    }
    return found
  }

  async #lost(): Promise<readonly string[]> {
    const { database } = this.#shop
    const recorded = await database.query(
      'SELECT value_a, value_b FROM reactor_connect.two_way_conflicts',
    )
    const there = JSON.stringify([await contacts(this.#shop), await accounts(this.#shop), recorded])
    return [...this.#open]
      .filter(([value]) => !there.toLowerCase().includes(`"${value}"`))
      .map(([value, { field, key }]) => `${key}.${field}: the edit ${value} is lost`)
  }
}
