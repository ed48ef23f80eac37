import { expect } from 'vitest'
import type { ApiAnswer } from '../../fakes/salesforce/rest-api.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { eventsOf, startRun } from '../../cli/reactor-command.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { seededRandom } from '../../support/random.ts'
import { runFile } from '../../support/run-file.ts'

type Fault = 'none' | '429' | '500' | '500 after' | 'cut' | 'kill before' | 'kill after' | 'locks'
const faults: readonly Fault[] = [
  'none',
  '429',
  '500',
  '500 after',
  'cut',
  'kill before',
  'kill after',
  'kill after',
  'locks',
]

const rounds = 4
const mostRuns = 8
/** A value that Salesforce refuses. */
const badTier = 'Bronze'
const tiers = ['Gold', 'Silver', null, badTier] as const

interface AccountRow {
  readonly code: string
  readonly name: string
  readonly tier: string | null
}

/**
 * One history: rows of a table change while runs write them into Salesforce, and are killed, cut off and
 * turned away. At its end, the vendor has the rows of the table, none of them twice, and each row that the
 * vendor refuses is in the table of rejects. Returns how many faults happened.
 */
export async function checkHistory(seed: number): Promise<number> {
  const random = seededRandom(seed)
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item
  await using salesforce = await SalesforceSimulator.start()
  await using database = await testDatabase()
  await database.query(
    `CREATE TABLE accounts (code text PRIMARY KEY, name text NOT NULL, tier text, version bigserial)`,
  )
  const mirrors = random() < 0.4
  await database.query(
    `INSERT INTO accounts (code, name, tier)
     SELECT 'c-' || i, 'Name ' || i, 'Gold' FROM generate_series(1, $1::int) i`,
    [Math.floor(random() * 900)],
  )
  await using file = await runFile(documentOf(database, salesforce.url, mirrors))
  let fired = 0
  for (let round = 0; round < rounds; round += 1) {
    await changeRows(database, { random, pick, mirrors })
    fired += await runThrough(file.path, salesforce, { fault: pick(faults), random })
  }
  salesforce.faults = {}
  salesforce.organization.locked.clear()
  // A read that was killed goes on where it was: the next one sees what has changed behind it.
  await untilComplete(file.path)
  await untilComplete(file.path)
  await compare(database, salesforce, { mirrors, seed })
  return fired
}

function documentOf(database: TestDatabase, url: string, mirrors: boolean): object {
  const { host, port, user, password, database: name } = database.address
  return {
    connection: 'accounts-back',
    source: {
      type: 'postgres',
      config: { host, port, user, password, database: name, ssl: 'disable', schemas: ['public'] },
    },
    destination: {
      type: 'instance',
      config: {
        connector: 'salesforce',
        config: { access_token: accessToken, api_url: url },
        store: database.url,
        allowed_networks: ['127.0.0.1/32'],
        write_deletes: mirrors ? 'delete' : 'keep',
        writes: [
          {
            stream: 'accounts',
            object: 'Account',
            fields: { Code__c: 'code', Name: 'name', Tier__c: 'tier' },
          },
        ],
      },
    },
    streams: [
      {
        name: 'accounts',
        ...(mirrors
          ? { sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' }
          : { sync_mode: 'incremental', cursor_field: 'version' }),
      },
    ],
  }
}

async function changeRows(
  database: TestDatabase,
  {
    random,
    pick,
    mirrors,
  }: {
    readonly random: () => number
    readonly pick: <Item>(items: readonly Item[]) => Item
    readonly mirrors: boolean
  },
): Promise<void> {
  const changes = 1 + Math.floor(random() * 60)
  for (let change = 0; change < changes; change += 1) {
    const code = `c-${String(Math.floor(random() * 900))}`
    if (mirrors && random() < 0.1)
      await database.query('DELETE FROM accounts WHERE code = $1', [code])
    else
      await database.query(
        `INSERT INTO accounts (code, name, tier) VALUES ($1, $2, $3)
         ON CONFLICT (code) DO UPDATE SET name = excluded.name, tier = excluded.tier,
           version = nextval('accounts_version_seq')`,
        [code, `Name ${String(Math.floor(random() * 1000))}`, pick(tiers)],
      )
  }
}

/** One run, with a fault at one of its writes. */
async function runThrough(
  path: string,
  salesforce: SalesforceSimulator,
  { fault, random }: { readonly fault: Fault; readonly random: () => number },
): Promise<number> {
  let left = random() < 0.3 ? 3 : 1
  const isDue = (): boolean => {
    left -= 1
    return left === 0
  }
  const run = startRun(path, { args: ['--json'] })
  const kill = (): ApiAnswer => {
    run.process.kill('SIGKILL')
    return { status: 503, body: null }
  }
  const before: Partial<Record<Fault, () => ApiAnswer | undefined>> = {
    429: () => ({ status: 429, headers: { 'retry-after': '1' }, body: null }),
    500: () => ({ status: 500, body: [{ errorCode: 'UNKNOWN_EXCEPTION', message: 'sorry' }] }),
    'kill before': kill,
  }
  const after: Partial<Record<Fault, () => ApiAnswer | 'cut'>> = {
    '500 after': () => ({
      status: 500,
      body: [{ errorCode: 'UNKNOWN_EXCEPTION', message: 'sorry' }],
    }),
    cut: () => 'cut',
    'kill after': kill,
  }
  const { organization } = salesforce
  salesforce.faults = {
    before: () => {
      const isNow = isDue()
      if (fault !== 'locks') return isNow ? before[fault]?.() : undefined
      if (isNow) for (const { Id: id } of organization.visible('Account')) lock(organization, id)
      else organization.locked.clear()
      return undefined
    },
    after: () => (left === 0 ? after[fault]?.() : undefined),
  }
  await run.end
  return left <= 0 && fault !== 'none' ? 1 : 0
}

function lock(organization: SalesforceSimulator['organization'], id: unknown): void {
  if (typeof id === 'string') organization.locked.add(id)
}

async function untilComplete(path: string): Promise<void> {
  let last = ''
  for (let runs = 0; runs < mostRuns; runs += 1) {
    const end = await startRun(path, { args: ['--json'] }).end
    const result = eventsOf(end).at(-1)
    // A run that could not begin has no stream.
    if (result?.streams.map(({ status }) => status).join() === 'complete') return
    last = `${JSON.stringify(result)}\n${end.stderr}`
  }
  throw new Error(`the runs do not come to their end: ${last}`)
}

async function compare(
  database: TestDatabase,
  { organization }: SalesforceSimulator,
  { mirrors, seed }: { readonly mirrors: boolean; readonly seed: number },
): Promise<void> {
  const note = `seed ${String(seed)}`
  const table = (await database.query(
    'SELECT code, name, tier FROM accounts ORDER BY code',
  )) as unknown as readonly AccountRow[]
  const vendor = organization.visible('Account').filter(({ IsDeleted: gone }) => gone !== true)
  const codes = vendor.map(({ Code__c: code }) => String(code))
  expect(new Set(codes).size, note).toBe(codes.length)
  const valid = table.filter(({ tier }) => tier !== badTier)
  const stored = new Map(vendor.map((row) => [String(row.Code__c), row]))
  for (const { code, name, tier } of valid)
    expect(stored.get(code), `${note}, ${code}`).toMatchObject({ Name: name, Tier__c: tier })
  if (mirrors) {
    const known = new Set(table.map(({ code }) => code))
    expect(
      codes.filter((code) => !known.has(code)),
      note,
    ).toEqual([])
  }
  const rejects = await database.query(
    'SELECT key, code, reason FROM reactor_connect_writes.rejects ORDER BY key',
  )
  const refused = table.filter(({ tier }) => tier === badTier).map(({ code }) => code)
  const wanted = new Set(rejects.map(({ key }) => String(key)))
  for (const code of refused) expect(wanted.has(code), `${note}, reject of ${code}`).toBe(true)
  for (const { reason } of rejects) expect(String(reason), note).not.toBe('')
  for (const { code } of valid) expect(wanted.has(code), `${note}, ${code} is rejected`).toBe(false)
}
