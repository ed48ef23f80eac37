import type { ActionDescriptor } from '../../../connectors/descriptor-schema.ts'
import type { AirbyteStream, JsonObject } from '../../../protocol/index.ts'
import { generateClient, type ClientInput } from '../../../service/codegen/generate-client.ts'
import { readTemplate } from '../../../service/codegen/template-text.ts'

const template = await readTemplate()

export function generated(input: Partial<ClientInput>): string {
  const all = { instance: 'crm', type: 'example', catalog: { streams: [] }, actions: [], ...input }
  return generateClient(all, template)
}

export function stream(
  name: string,
  json_schema: JsonObject,
  more: Partial<AirbyteStream> = {},
): AirbyteStream {
  return { name, json_schema, supported_sync_modes: ['full_refresh', 'incremental'], ...more }
}

export function action(name: string, more: Partial<ActionDescriptor> = {}): ActionDescriptor {
  return {
    name,
    title: name,
    input: { type: 'object' },
    output: { type: 'object' },
    effect: 'read',
    requiresConfirmation: false,
    idempotency: 'natural',
    dryRun: 'synthesized',
    ...more,
  }
}

const address: JsonObject = {
  type: ['null', 'object'],
  properties: { city: { type: 'string' }, geo: { type: 'array', items: { type: 'number' } } },
  required: ['city'],
}

/** One of each kind of thing that a catalog may say. */
export const crm: ClientInput = {
  instance: 'crm',
  type: 'example',
  catalog: {
    streams: [
      stream(
        'Lead',
        {
          type: 'object',
          additionalProperties: true,
          required: ['Id'],
          properties: {
            Id: { type: 'string', description: 'As the vendor has it.' },
            Status: { type: ['null', 'string'], enum: ['open', 'won', 'lost'] },
            Amount: { type: ['null', 'number'] },
            Score: { type: ['null', 'number'], airbyte_type: 'double' },
            Visits: { type: ['null', 'integer'] },
            Stars: { type: 'integer', minimum: 1, maximum: 5 },
            CreatedAt: { type: 'string', format: 'date-time' },
            DueOn: { type: ['null', 'string'], format: 'date' },
            Website: {
              type: ['null', 'string'],
              format: 'uri',
              description: 'Where they are found.',
            },
            Address: address,
            Custom_Field__c: {
              type: ['null', 'boolean'],
              description: 'Only this account has it.',
            },
            'two words': { type: 'array', items: { type: ['string', 'null'] } },
          },
        },
        { source_defined_primary_key: [['Id']], default_cursor_field: ['CreatedAt'] },
      ),
      stream(
        'folders',
        {
          type: 'object',
          description: 'Folders of\nfolders.',
          properties: {
            root: { $ref: '#/definitions/folder' },
            size: { type: 'array', items: [{ type: 'integer' }, { type: 'string' }], minItems: 1 },
            owner: {
              oneOf: [
                {
                  type: 'object',
                  properties: { kind: { const: 'user' }, id: { type: 'integer' } },
                },
                {
                  type: 'object',
                  properties: { kind: { const: 'team' }, name: { type: 'string' } },
                },
              ],
            },
            rights: { type: 'object', additionalProperties: { enum: ['read', 'write'] } },
            labels: {
              type: 'object',
              required: ['main'],
              properties: { main: { type: 'string' } },
              additionalProperties: { type: 'boolean' },
            },
            both: { allOf: [address, { type: 'object', properties: { zip: { type: 'string' } } }] },
            anything: {},
          },
          definitions: {
            folder: {
              type: 'object',
              required: ['name'],
              properties: {
                name: { type: 'string' },
                parent: { anyOf: [{ $ref: '#/definitions/folder' }, { type: 'null' }] },
                children: { type: 'array', items: { $ref: '#/definitions/folder' } },
              },
            },
          },
        },
        { namespace: 'files' },
      ),
    ],
  },
  actions: [
    action('createLead', {
      title: 'Create a lead',
      effect: 'create',
      idempotency: 'native_key',
      input: {
        type: 'object',
        required: ['email'],
        properties: { email: { type: 'string', format: 'email' }, amount: { type: 'number' } },
      },
      output: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
    }),
    action('charge', { effect: 'create', idempotency: 'none', dryRun: 'native' }),
    action('send-message', { effect: 'create', idempotency: 'none', dryRun: 'unsupported' }),
  ],
}
