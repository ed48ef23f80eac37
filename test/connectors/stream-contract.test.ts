import { describe, expect, test } from 'vitest'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'
import { githubStreams } from './github/stream-subject.ts'
import { linearStreams } from './linear/stream-subject.ts'
import { slackStreams } from './slack/stream-subject.ts'
import { streamContract, type StreamSubject } from './stream-contract.ts'
import { stripeStreams } from './stripe/stream-subject.ts'

const subjects: Readonly<Record<string, StreamSubject>> = {
  github: githubStreams,
  linear: linearStreams,
  slack: slackStreams,
  stripe: stripeStreams,
}

test('every connector of an HTTP API is in the contract suite of streams', () => {
  const ofApis = nativeTypes().filter((type) => connectorOf(type).actions !== undefined)
  expect(ofApis).toEqual(Object.keys(subjects).toSorted())
})

describe.each(Object.entries(subjects))('the streams of %s', (type, subject) => {
  streamContract(type, subject)
})
