import { describe, expect, test } from 'vitest'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'
import { actionContract } from './action-contract.ts'
import { actionSubjects } from './action-subjects.ts'

test('every connector with actions is in the contract suite', () => {
  const withActions = nativeTypes().filter((type) => connectorOf(type).actions !== undefined)
  expect(withActions).toEqual(Object.keys(actionSubjects).toSorted())
})

describe.each(Object.entries(actionSubjects))('the actions of %s', (type, subject) => {
  actionContract(connectorOf(type), subject)
})
