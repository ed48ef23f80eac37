import jsforce from 'jsforce'
import pg from 'pg'

// A plain loop with jsforce: 200 rows from PostgreSQL, one collection of upserts, and so on.

const [url = '', accessToken = '', databaseUrl = ''] = process.argv.slice(2)
const connection = new jsforce.Connection({ instanceUrl: url, accessToken, version: '65.0' })
const client = new pg.Client({ connectionString: databaseUrl })
await client.connect()
await client.query('BEGIN')
await client.query(
  `DECLARE rows NO SCROLL CURSOR FOR SELECT code AS "Code__c", name AS "Name", phone AS "Phone",
     city AS "BillingCity", employees AS "NumberOfEmployees", tier AS "Tier__c" FROM accounts ORDER BY code`,
)
let refused = 0
for (;;) {
  const { rows } = await client.query<Record<string, unknown>>('FETCH 200 FROM rows')
  if (rows.length === 0) break
  const records = rows.map((row) => ({ attributes: { type: 'Account' }, ...row }))
  const results = await connection.requestPatch<{ success: boolean }[]>(
    '/composite/sobjects/Account/Code__c',
    { allOrNone: false, records },
  )
  refused += results.filter(({ success }) => !success).length
}
await client.end()
if (refused > 0) throw new Error(`${String(refused)} records were refused`)
