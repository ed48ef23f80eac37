import { z } from 'zod'
import { anyJson, defineAction, urlPath } from '../../action.ts'
import { apiName, fieldsMissing, fieldValues, hasFields, recordId, writeOptions } from './fields.ts'
import { runResults, saved } from './outputs.ts'
import { changedResult, listResult, restRequest } from './request.ts'

// Fields have the names that Salesforce gives them; further ones, such as custom fields, go into `fields`.

const text = z.string().min(1).max(255)
const custom = fieldValues.exactOptional().meta({
  description: 'Further fields by their API names, such as custom ones.',
})

export const createLead = defineAction({
  name: 'createLead',
  title: 'Create a lead',
  effect: 'create',
  idempotency: 'none',
  dryRun: 'native',
  input: z.object({
    LastName: text,
    Company: text,
    FirstName: text.exactOptional(),
    Email: z.email().exactOptional(),
    Phone: text.exactOptional(),
    Title: text.exactOptional(),
    LeadSource: text.exactOptional(),
    Status: text.exactOptional(),
    Description: z.string().max(32_000).exactOptional(),
    OwnerId: recordId.exactOptional(),
    fields: custom,
    ...writeOptions,
  }),
  output: saved,
  plan: ({ fields, allowDuplicates, assignsOwner, ...own }, config) =>
    restRequest(config, 'POST', 'sobjects/Lead', {
      body: { ...fields, ...own },
      options: {
        ...(allowDuplicates !== undefined && { allowDuplicates }),
        ...(assignsOwner !== undefined && { assignsOwner }),
      },
    }),
})

export const createContact = defineAction({
  name: 'createContact',
  title: 'Create a contact',
  effect: 'create',
  idempotency: 'none',
  dryRun: 'native',
  input: z.object({
    LastName: text,
    FirstName: text.exactOptional(),
    AccountId: recordId.exactOptional(),
    Email: z.email().exactOptional(),
    Phone: text.exactOptional(),
    Title: text.exactOptional(),
    OwnerId: recordId.exactOptional(),
    fields: custom,
  }),
  output: saved,
  plan: ({ fields, ...own }, config) =>
    restRequest(config, 'POST', 'sobjects/Contact', { body: { ...fields, ...own } }),
})

export const createOpportunity = defineAction({
  name: 'createOpportunity',
  title: 'Create an opportunity',
  effect: 'create',
  idempotency: 'none',
  dryRun: 'native',
  input: z.object({
    Name: text,
    StageName: text,
    CloseDate: z.iso.date(),
    AccountId: recordId.exactOptional(),
    Amount: z.number().exactOptional(),
    Probability: z.number().min(0).max(100).exactOptional(),
    OwnerId: recordId.exactOptional(),
    fields: custom,
  }),
  output: saved,
  plan: ({ fields, ...own }, config) =>
    restRequest(config, 'POST', 'sobjects/Opportunity', { body: { ...fields, ...own } }),
})

export const updateOpportunity = defineAction({
  name: 'updateOpportunity',
  title: 'Change an opportunity',
  effect: 'update',
  idempotency: 'natural',
  dryRun: 'native',
  input: z
    .object({
      id: recordId,
      fields: z
        .object({
          Name: text.exactOptional(),
          StageName: text.exactOptional(),
          CloseDate: z.iso.date().exactOptional(),
          Amount: z.number().nullable().exactOptional(),
          Probability: z.number().min(0).max(100).nullable().exactOptional(),
          NextStep: text.nullable().exactOptional(),
          OwnerId: recordId.exactOptional(),
        })
        .catchall(anyJson)
        .meta({ description: 'The fields to change, also custom ones.' }),
    })
    .refine(hasFields, fieldsMissing),
  output: saved,
  plan: ({ id, fields }, config) =>
    restRequest(config, 'PATCH', urlPath`sobjects/Opportunity/${id}`, { body: fields }),
  result: changedResult,
})

export const createTask = defineAction({
  name: 'createTask',
  title: 'Create a task',
  effect: 'create',
  idempotency: 'none',
  dryRun: 'native',
  input: z.object({
    Subject: text,
    WhoId: recordId.exactOptional().meta({ description: 'Id of a contact or a lead.' }),
    WhatId: recordId.exactOptional().meta({
      description: 'Id of an account, an opportunity or another record.',
    }),
    ActivityDate: z.iso.date().exactOptional().meta({ description: 'When it is due.' }),
    Status: text.exactOptional(),
    Priority: text.exactOptional(),
    Description: z.string().max(32_000).exactOptional(),
    OwnerId: recordId.exactOptional(),
    fields: custom,
  }),
  output: saved,
  plan: ({ fields, ...own }, config) =>
    restRequest(config, 'POST', 'sobjects/Task', { body: { ...fields, ...own } }),
})

export const runInvocable = defineAction({
  name: 'runInvocable',
  title: 'Run a flow, or an Apex method that is invocable',
  effect: 'update',
  idempotency: 'none',
  // It does whatever its author made it do.
  requiresConfirmation: true,
  input: z.object({
    kind: z.enum(['flow', 'apex']),
    name: apiName.meta({ description: 'API name of the flow, or of the class.' }),
    inputs: z.array(z.record(z.string(), anyJson)).min(1).max(200),
  }),
  output: runResults,
  response: 'list',
  plan: ({ kind, name, inputs }, config) =>
    restRequest(config, 'POST', urlPath`actions/custom/${kind}/${name}`, { body: { inputs } }),
  result: listResult,
})
