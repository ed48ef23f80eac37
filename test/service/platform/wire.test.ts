import { expect, test } from 'vitest'
import { z } from 'zod'
import { fromWire, toWire, snakeCaseSchema } from '../../../service/platform/wire.ts'

const pet = z.discriminatedUnion('petKind', [
  z.object({ petKind: z.literal('cat'), livesLeft: z.int() }),
  z.object({ petKind: z.literal('dog'), bestTrick: z.string().exactOptional() }),
])
const owner = z.strictObject({
  name: z.string(),
  createdAt: z.string().nullable(),
  nextVisit: z.object({ atClinic: z.string() }).nullable(),
  allPets: z.array(pet),
  nickName: z.string().exactOptional(),
  freeForm: z.record(z.string(), z.unknown()),
})
const ada = {
  name: 'Ada',
  createdAt: null,
  nextVisit: { atClinic: 'north' },
  allPets: [
    { petKind: 'cat' as const, livesLeft: 9 },
    { petKind: 'dog' as const, bestTrick: 'sit' },
  ],
  freeForm: { keepThis: { asItIs: 1 } },
}
const wire = {
  name: 'Ada',
  created_at: null,
  next_visit: { at_clinic: 'north' },
  all_pets: [
    { pet_kind: 'cat', lives_left: 9 },
    { pet_kind: 'dog', best_trick: 'sit' },
  ],
  free_form: { keepThis: { asItIs: 1 } },
}

test('a resource and its document become one another, and the keys of records stay', () => {
  const document = toWire(owner, ada)
  expect(document).toEqual(wire)
  expect(fromWire(owner, document)).toEqual(ada)
})

test('the schema of the document takes snake_case only, and is as strict', () => {
  const schema = snakeCaseSchema(owner)
  expect(schema.parse(wire)).toEqual(wire)
  expect(schema.safeParse(ada).success).toBe(false)
  expect(schema.safeParse({ ...wire, more: 1 }).error?.issues[0]?.code).toBe('unrecognized_keys')
  expect(schema.safeParse({ ...wire, next_visit: {} }).error?.issues[0]?.path).toEqual([
    'next_visit',
    'at_clinic',
  ])
})

test('fields that are undefined, or that the schema does not have, are left out of a document', () => {
  const more = { ...ada, secret: 'x', nickName: undefined }
  expect(Object.keys(toWire(owner, z.custom<typeof ada>().parse(more)))).toEqual(Object.keys(wire))
})

test('the name in OpenAPI and the description go to the schema of the document', () => {
  const named = z.object({ itsName: z.string().meta({ description: 'Of it.' }) }).meta({ id: 'It' })
  const document = snakeCaseSchema(named)
  expect(z.globalRegistry.get(document)).toEqual({ id: 'It' })
  expect(z.globalRegistry.get(named)).toBeUndefined()
  expect(z.toJSONSchema(document)).toMatchObject({
    $defs: {
      It: {
        properties: { its_name: { type: 'string', description: 'Of it.' } },
        required: ['its_name'],
      },
    },
  })
})

test('a schema without a name in camelCase is its own document', () => {
  const plain = z.object({ name: z.string(), list: z.array(z.object({ x: z.number() })) })
  expect(snakeCaseSchema(plain)).toBe(plain)
})

test('a check of an object whose names change is refused: it would see the wrong ones', () => {
  const checked = z.object({ firstAt: z.string() }).refine(({ firstAt }) => firstAt !== '')
  expect(() => snakeCaseSchema(checked)).toThrow('check its fields')
})
