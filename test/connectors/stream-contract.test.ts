import { describe, expect, test, vi } from 'vitest'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'
import { githubStreams } from './github/stream-subject.ts'
import { linearStreams } from './linear/stream-subject.ts'
import { slackStreams } from './slack/stream-subject.ts'
import { streamContract } from './stream-contract.ts'
import type { StreamSubject } from './stream-subject.ts'
import { stripeStreams } from './stripe/stream-subject.ts'

// A test reads each stream of a connector many times, on a busy machine too.
vi.setConfig({ testTimeout: 180_000 })

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
