import type { ActionSubject } from '../action-contract.ts'

const id = '001Hs00000000001AA'
const saved = { id, success: true, errors: [], created: false }
const object = 'Invoice__c'
const fields = { Name: 'Łukasz "quotes"', Total__c: null }

export const salesforceSubject: ActionSubject = {
  configOf: (url, secret) => ({ api_url: url, access_token: secret }),
  succeed: ({ method, url }) => {
    const isChange = method === 'PATCH' || method === 'DELETE'
    if (url.includes('/composite/')) return { body: [saved] }
    if (url.includes('/actions/'))
      return { body: [{ actionName: 'Convert', isSuccess: true, errors: null, outputValues: {} }] }
    if (isChange && !url.includes('/Number__c/')) return { status: 204, body: null }
    return {
      body: {
        ...saved,
        attributes: { type: object },
        totalSize: 0,
        done: true,
        records: [],
        searchRecords: [],
        sobjects: [],
        name: object,
        DailyApiRequests: { Max: 1, Remaining: 1 },
      },
    }
  },
  samples: {
    createRecord: { object, fields, allowDuplicates: true, assignsOwner: false },
    updateRecord: { object, id, fields, ifUnmodifiedSince: '2026-03-01T08:00:00Z' },
    upsertRecord: { object, externalIdField: 'Number__c', externalId: 'A/1 #?', fields },
    deleteRecord: { object, id },
    getRecord: { object, id, fields: ['Id', 'Total__c'] },
    createRecords: { object, records: [fields, fields], allOrNone: true },
    updateRecords: { object, records: [{ Id: id, ...fields }] },
    upsertRecords: { object, externalIdField: 'Number__c', records: [{ Number__c: '1' }] },
    deleteRecords: { ids: [id] },
    query: { soql: "SELECT Id FROM Account WHERE Name = 'Łukasz & Co'", includeDeleted: true },
    queryMore: { nextRecordsUrl: '/services/data/v66.0/query/01gHs0000-2000' },
    search: { sosl: 'FIND {Acme} RETURNING Account' },
    describeObject: { object },
    listObjects: {},
    getLimits: {},
    createLead: { LastName: 'Ada', Company: 'Acme', Email: 'a@acme.example', fields: { A__c: 1 } },
    createContact: { LastName: 'Ada', AccountId: id },
    createOpportunity: { Name: 'Deal', StageName: 'Prospecting', CloseDate: '2026-05-01' },
    updateOpportunity: { id, fields: { StageName: 'Closed Won', Amount: null, Own__c: 'x' } },
    createTask: { Subject: 'Call', WhatId: id, ActivityDate: '2026-05-01' },
    runInvocable: { kind: 'flow', name: 'Convert_Lead', inputs: [{ leadId: id }] },
  },
}
