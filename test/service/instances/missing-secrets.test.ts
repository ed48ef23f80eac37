import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../protocol/index.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { missingCredentials, missingSecrets } from '../../../service/instances/missing-secrets.ts'

const secret = { type: 'string', airbyte_secret: true }
const spec: JsonObject = {
  type: 'object',
  required: ['host', 'password', 'credentials'],
  properties: {
    host: { type: 'string' },
    password: secret,
    credentials: {
      type: 'object',
      oneOf: [
        {
          required: ['auth_type', 'client_secret', 'refresh_token'],
          properties: {
            auth_type: { const: 'oauth' },
            client_id: { type: 'string' },
            client_secret: secret,
            refresh_token: { $ref: '#/definitions/token' },
          },
        },
        {
          required: ['auth_type', 'api/key'],
          properties: { auth_type: { enum: ['key'] }, 'api/key': secret },
        },
      ],
    },
  },
  definitions: { token: { allOf: [{ type: 'string' }, { airbyte_secret: true }] } },
}

describe('missingSecrets', () => {
  it('names nothing where all are there', () => {
    const given = { password: 'x', credentials: { auth_type: 'key', 'api/key': 'y' } }
    expect(missingSecrets(spec, given)).toEqual([])
  })

  it('follows the choice that the configuration names', () => {
    expect(missingSecrets(spec, { credentials: { auth_type: 'oauth' } })).toEqual([
      '/credentials/client_secret',
      '/credentials/refresh_token',
      '/password',
    ])
  })

  it('takes the choice that misses least where none is named, and empty text for missing', () => {
    expect(missingSecrets(spec, { password: '' })).toEqual(['/credentials/api~1key', '/password'])
  })

  it('asks for nothing that is optional', () => {
    expect(missingSecrets({ properties: { token: secret } }, {})).toEqual([])
  })
})

describe('missingCredentials', () => {
  it.each([
    ['github', {}, ['/access_token']],
    ['github', { client_secret: 'x' }, ['/access_token']],
    ['github', { access_token: 'x' }, []],
    ['github', { private_key: 'x', app_id: '1', installation_id: '2' }, []],
    ['linear', {}, ['/api_key']],
    ['linear', { refresh_token: 'x' }, []],
    ['slack', {}, ['/access_token']],
    ['stripe', {}, ['/api_key']],
    ['faker', {}, []],
  ])('of %s with %j are %j', async (type, config, missing) => {
    const { descriptor } = await connectorOf(type)
    expect(missingCredentials(descriptor, config)).toEqual(missing)
  })
})
