import { describe, expect, test } from 'vitest'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'
import { actionContract, type ActionSubject } from './action-contract.ts'
import { githubSubject } from './github/action-subject.ts'
import { linearSubject } from './linear/action-subject.ts'
import { slackSubject } from './slack/action-subject.ts'
import { stripeSubject } from './stripe/action-subject.ts'

const subjects: Readonly<Record<string, ActionSubject>> = {
  github: githubSubject,
  linear: linearSubject,
  slack: slackSubject,
  stripe: stripeSubject,
}

test('every connector with actions is in the contract suite', () => {
  const withActions = nativeTypes().filter((type) => connectorOf(type).actions !== undefined)
  expect(withActions).toEqual(Object.keys(subjects).toSorted())
})

describe.each(Object.entries(subjects))('the actions of %s', (type, subject) => {
  actionContract(connectorOf(type), subject)
})
