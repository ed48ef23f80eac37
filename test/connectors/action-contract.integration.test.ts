import { describe, expect, test } from 'vitest'
import type { Connector } from '../../connectors/connector.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { usuallyThird } from '../support/long.ts'
import { typesWithActions } from '../support/types-with-actions.ts'
import { actionContract } from './action-contract.ts'
import { actionSubjects } from './action-subjects.ts'

const connectors = new Map<string, Connector>()
for (const type of Object.keys(actionSubjects)) connectors.set(type, await connectorOf(type))

test('every connector with actions is in the contract suite', async () => {
  expect(await typesWithActions()).toEqual(Object.keys(actionSubjects).toSorted())
})

describe.each(usuallyThird(1, [...connectors]))('the actions of %s', (type, connector) => {
  const subject = actionSubjects[type]
  if (subject !== undefined) actionContract(connector, subject)
})
