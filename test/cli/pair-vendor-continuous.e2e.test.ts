import { expect, test, vi } from 'vitest'
import {
  createVendorShop,
  leads,
  leadStream,
  recordsOf,
  salesSide,
  vendorPair,
} from './pair-vendor-files.ts'

const patience = { timeout: 30_000, interval: 50 }

test.for(['cdc', 'polling'] as const)(
  'leads of Salesforce and of a table stay the same while both are edited: the table by %s',
  async (changes) => {
    await using shop = await createVendorShop()
    const { database, organization, salesforce } = shop
    await database.query(`INSERT INTO lead (email, last_name, company)
      SELECT n || '@x', 'Name ' || n, 'Acme' FROM generate_series(1, 20) n`)
    await using file = await vendorPair(shop, {
      a: { url: '${SHOP_URL}', changes, ...(changes === 'polling' && { poll_seconds: 0.2 }) },
      b: { ...salesSide, poll_seconds: 0.2 },
      rules: 'Lead:last_write_wins',
      streams: [{ ...leadStream, b: { ...leadStream.b, cursor: 'SystemModstamp' } }],
    })
    const same = (count: number): Promise<void> =>
      vi.waitFor(async () => {
        // Salesforce has time in seconds, and shows a record a little after it was written.
        organization.pass(2)
        const now = await leads(shop)
        expect(now.b).toEqual(now.a)
        expect(now.a).toHaveLength(count)
      }, patience)
    const idOf = (email: string): string =>
      String(recordsOf(shop, 'Lead').find((row) => row.Email === email)?.Id)
    const pair = file.start(file.path, '--continuous')
    await pair.output('stdout', /Lead: 20 created/)
    await same(20)
    await database.query(
      `UPDATE lead SET company = 'Globex', changed = clock_timestamp() WHERE email = '1@x'`,
    )
    organization.update('Lead', idOf('2@x'), { LastName: 'Edited' })
    organization.create('Lead', { Email: 'new@x', LastName: 'New', Company: 'Initech' })
    await same(21)
    expect(recordsOf(shop, 'Lead').find((row) => row.Email === '1@x')).toMatchObject({
      Company: 'Globex',
    })
    const [edited] = await database.query(`SELECT last_name FROM lead WHERE email = '2@x'`)
    expect(edited).toEqual({ last_name: 'Edited' })
    organization.delete('Lead', idOf('3@x'))
    await same(20)
    // Only changes were asked for: no whole read follows the first one.
    const earlier = salesforce.callsOf('/query').length
    await database.query(
      `INSERT INTO lead (email, last_name, company) VALUES ('last@x', 'Last', 'Acme')`,
    )
    await same(21)
    const later = salesforce.callsOf('/query').slice(earlier)
    const reads = later.filter(({ url }) => url.includes('FROM+Lead'))
    for (const { url } of reads) expect(url).toMatch(/WHERE/)
    // In the middle of a round.
    salesforce.delayMs = 1_000
    const asked = salesforce.callsOf('/query').length
    await vi.waitFor(() => {
      expect(salesforce.callsOf('/query').length).toBeGreaterThan(asked)
    }, patience)
    pair.process.kill('SIGTERM')
    const { code, stderr } = await pair.end
    expect(code, stderr).toBe(0)
  },
)
