import { SalesforceSimulator } from '../../test/fakes/salesforce/salesforce-simulator.ts'

// The simulator of bench-writeback.ts, in a process of its own.

const salesforce = await SalesforceSimulator.start()
salesforce.keepsRequests = false
salesforce.dailyCalls = Number.MAX_SAFE_INTEGER

process.on('message', (question) => {
  if (question === 'url') process.send?.({ url: salesforce.url })
  if (question !== 'take') return
  const rows = salesforce.organization.visible('Account')
  const codes = new Set(rows.map(({ Code__c: code }) => code))
  process.send?.({ accounts: rows.length, codes: codes.size })
  for (const { Id: id } of rows) salesforce.organization.purge('Account', String(id))
  salesforce.organization.deletions.splice(0)
})
