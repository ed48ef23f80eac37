import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { destinationAddress } from '../../../service/connections/destination-address.ts'

const address = { host: 'db', port: 5432, user: 'u', database: 'd', ssl: 'require' } as const
const places = { data: address, postgres: { warehouse: { ...address, host: 'wh' } } }

test('a dataset is a schema of the Data database, a named PostgreSQL one of the settings', () => {
  expect(destinationAddress('data:shop', places)).toEqual({
    type: 'postgres',
    address,
    schema: 'shop',
  })
  expect(destinationAddress('postgres:warehouse', places)).toEqual({
    type: 'postgres',
    address: { ...address, host: 'wh' },
  })
})

test.each([
  ['shop', 'destination_invalid'],
  ['data:', 'destination_invalid'],
  ['data:a"b', 'destination_invalid'],
  ['data:pg_catalog', 'destination_invalid'],
  ['data:reactor_connect', 'destination_invalid'],
  ['data:reactor_connect_jobs', 'destination_invalid'],
  ['data:REACTOR_CONNECT_JOBS', 'destination_invalid'],
  ['data:reactor_sandbox_0123', 'destination_invalid'],
  ['data:Reactor_Connect_Service', 'destination_invalid'],
  ['postgres:Warehouse', 'destination_invalid'],
  ['postgres:constructor', 'destination_not_available'],
  ['postgres:other', 'destination_not_available'],
  ['s3:bucket/prefix', 'destination_not_available'],
  ['instance:sf-prod', 'destination_not_available'],
])('the destination %s is refused as %s', (destination, code) => {
  expect(() => destinationAddress(destination, places)).toThrow(
    expect.objectContaining({ code }) as Error,
  )
})

test('a name that is almost a dataset is told which one is', () => {
  const near = (destination: string): unknown => {
    try {
      return destinationAddress(destination, places)
    } catch (error) {
      return error instanceof ConnectError ? error.details.problem : error
    }
  }
  expect(near('data:dr-block')).toContain('Did you mean `data:dr_block`?')
  expect(near('data:1st shop')).toContain('Did you mean `data:_1st_shop`?')
  expect(near('data:--')).not.toContain('Did you mean')
})

test('without a Data database there are no datasets', () => {
  expect(() => destinationAddress('data:shop', { ...places, data: undefined })).toThrow(
    /is not set/,
  )
})

test('whatever is written, it is one of the known places or refused', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const destination of [text, `data:${text}`, `postgres:${text}`]) {
        try {
          const { schema = 'x' } = destinationAddress(destination, places)
          expect(schema).toMatch(/^\w{1,63}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectError)
        }
      }
    }),
  )
})
